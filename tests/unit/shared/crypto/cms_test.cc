#include "shared/crypto/cms.h"

#include <gtest/gtest.h>

#include <array>
#include <fstream>

#include "shared/base/bytes.h"
#include "shared/base/random.h"
#include "shared/crypto/base64_lines.h"
#include "shared/testing/command.h"
#include "shared/testing/pki.h"
#include "shared/testing/temporary_folder.h"

namespace sekisho::crypto {
namespace {

using testing::CertificateRequest;
using testing::IssuedCertificate;
using testing::RunCommand;
using testing::TestCa;
using namespace std::chrono_literals;

const TimePoint kNow = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
constexpr auto kYear = std::chrono::days(365);

const TestCa& Root() {
  static const TestCa root("root", kNow - kYear, kNow + kYear);
  return root;
}
const TestCa& Middle() {
  static const TestCa middle("middle", kNow - kYear, kNow + kYear, &Root());
  return middle;
}

IssuedCertificate Issue(std::string key, std::string key_name = {}) {
  CertificateRequest request;
  request.key = std::move(key);
  request.key_name = std::move(key_name);
  request.addresses = {"sato@partner.example"};
  request.not_before = kNow - kYear;
  request.not_after = kNow + kYear;
  return Middle().Issue(request);
}

std::vector<Certificate> Read(const std::string& pem) { return *Certificate::ParseBundle(pem); }

CmsSigner Signer(const IssuedCertificate& issued) {
  return *CmsSigner::Create(*PrivateKey::FromPem(Secret<std::string>(issued.key_pem)), Read(issued.certificate_pem)[0],
                            Read(Middle().certificate_pem()), kNow);
}

std::string Signed(const CmsSigner& signer, std::string_view entity, TimePoint now = kNow) {
  const auto frame = signer.Sign(entity, now);
  SEKISHO_CHECK(frame.ok());
  return frame->head + std::string(entity) + frame->tail;
}

std::string Encrypted(std::span<const std::string_view> pieces, std::span<const Certificate> recipients,
                      ContentCipher cipher) {
  std::string out;
  const Status status = CmsEncrypt(pieces, recipients, cipher, [&](std::string_view some) {
    out += some;
    return Ok();
  });
  SEKISHO_CHECK(status.ok());
  return out;
}

const std::string kEntity =
    "Content-Type: text/plain; charset=iso-2022-jp\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
    "\x1b$B4X=j\x1b(B  trailing blanks  \r\n\r\n-- \r\nsignature\r\n\r\n";

class CmsTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, std::string_view octets) {
    std::ofstream(folder_ / name, std::ios::binary) << octets;
    return folder_ / name;
  }
  std::string ReadFile(const std::string& name) {
    std::ifstream in(folder_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  // What openssl finds inside a signature, or "" with a failed expectation.
  std::string Verify(std::string_view mail) {
    const auto outcome = RunCommand({"openssl", "cms", "-verify", "-in", Write("signed.eml", mail), "-CAfile",
                                     Write("root.pem", Root().certificate_pem()), "-out", folder_ / "content",
                                     "-signer", folder_ / "signer.pem"});
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output;
    return outcome.exit_status == 0 ? ReadFile("content") : "";
  }
  std::string Decrypt(std::string_view mail, const IssuedCertificate& recipient) {
    const auto outcome = RunCommand({"openssl", "cms", "-decrypt", "-binary", "-in", Write("sealed.eml", mail),
                                     "-inkey", Write("key.pem", recipient.key_pem), "-recip",
                                     Write("recipient.pem", recipient.certificate_pem), "-out", folder_ / "clear"});
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output;
    return outcome.exit_status == 0 ? ReadFile("clear") : "";
  }
  std::string Describe(std::string_view mail) {
    return RunCommand({"openssl", "cms", "-cmsout", "-print", "-noout", "-in", Write("described.eml", mail)}).output;
  }
  testing::TemporaryFolder folder_;
};

TEST_F(CmsTest, OpensslVerifiesWhatEachKindOfKeySigned) {
  for (const char* key : {"RSA-2048", "P-256", "P-384"}) {
    EXPECT_EQ(Verify(Signed(Signer(Issue(key)), kEntity)), kEntity) << key;
    EXPECT_EQ(Read(ReadFile("signer.pem"))[0].addresses()[0], "sato@partner.example");
  }
}

TEST_F(CmsTest, SignsContentWithoutALastLineEndAndEmptyContent) {
  const CmsSigner signer = Signer(Issue("P-256"));
  for (const std::string& entity :
       {std::string("Content-Type: text/plain\r\n\r\nno end"), std::string("Content-Type: text/plain\r\n\r\n")}) {
    EXPECT_EQ(Verify(Signed(signer, entity)), entity);
  }
}

TEST_F(CmsTest, AChangedOctetIsNoticed) {
  std::string mail = Signed(Signer(Issue("RSA-2048")), kEntity);
  mail.replace(mail.find("signature\r\n\r\n"), 9, "signaturE");
  const auto outcome = RunCommand({"openssl", "cms", "-verify", "-binary", "-in", Write("m", mail), "-CAfile",
                                   Write("root.pem", Root().certificate_pem())});
  EXPECT_NE(outcome.exit_status, 0) << outcome.output;
}

TEST_F(CmsTest, StatesTheTimeGivenAndOffersNoWeakCipher) {
  const std::string text = Describe(Signed(Signer(Issue("P-256")), kEntity, kNow - 1h));
  const std::time_t then = std::chrono::system_clock::to_time_t(kNow - 1h);
  char expected[64];
  strftime(expected, sizeof expected, "%b %e %H:%M:%S %Y GMT", gmtime(&then));
  EXPECT_NE(text.find(expected), std::string::npos) << text;
  EXPECT_NE(text.find("aes-256-cbc"), std::string::npos) << text;
  EXPECT_EQ(text.find("des-ede3"), std::string::npos) << text;
  EXPECT_EQ(text.find("rc2"), std::string::npos) << text;
}

TEST_F(CmsTest, ASignerMustFit) {
  const IssuedCertificate one = Issue("P-256", "one"), other = Issue("P-256", "other");
  const auto key = PrivateKey::FromPem(Secret<std::string>(one.key_pem));
  EXPECT_EQ(CmsSigner::Create(*key, Read(other.certificate_pem)[0], {}, kNow).error().code, Code::kInvalid);
  EXPECT_EQ(CmsSigner::Create(*key, Read(one.certificate_pem)[0], {}, kNow + 2 * kYear).error().code,
            Code::kPrecondition);
  const IssuedCertificate edwards = Issue("Ed25519");
  EXPECT_EQ(CmsSigner::Create(*PrivateKey::FromPem(Secret<std::string>(edwards.key_pem)),
                              Read(edwards.certificate_pem)[0], {}, kNow)
                .error()
                .code,
            Code::kInvalid);
}

TEST_F(CmsTest, AnExpiredSignerDoesNotSign) {
  EXPECT_EQ(Signer(Issue("P-256")).Sign(kEntity, kNow + 2 * kYear).error().code, Code::kPrecondition);
}

TEST_F(CmsTest, AChainThatNamesTheSignerTwiceStillSigns) {
  const IssuedCertificate issued = Issue("P-256");
  const auto signer =
      CmsSigner::Create(*PrivateKey::FromPem(Secret<std::string>(issued.key_pem)), Read(issued.certificate_pem)[0],
                        Read(issued.certificate_pem + Middle().certificate_pem() + Middle().certificate_pem()), kNow);
  ASSERT_TRUE(signer.ok());
  EXPECT_EQ(Verify(Signed(*signer, kEntity)), kEntity);
}

TEST_F(CmsTest, EachRecipientDecryptsOneParcel) {
  const std::array recipients = {Issue("RSA-2048", "a"), Issue("RSA-2048", "b"), Issue("P-256", "c"),
                                 Issue("P-384", "d")};
  std::vector<Certificate> certificates;
  for (const auto& recipient : recipients) certificates.push_back(Read(recipient.certificate_pem)[0]);
  for (const ContentCipher cipher : {ContentCipher::kAes256Cbc, ContentCipher::kAes256Gcm}) {
    const std::string_view pieces[] = {kEntity};
    const std::string sealed = Encrypted(pieces, certificates, cipher);
    for (const auto& recipient : recipients) EXPECT_EQ(Decrypt(sealed, recipient), kEntity);
    EXPECT_EQ(sealed.find("trailing"), std::string::npos);
  }
}

TEST_F(CmsTest, AStrangerDoesNotDecrypt) {
  const std::vector<Certificate> recipient = Read(Issue("RSA-2048", "a").certificate_pem);
  const std::string_view pieces[] = {kEntity};
  const IssuedCertificate stranger = Issue("RSA-2048", "b");
  const auto outcome = RunCommand(
      {"openssl", "cms", "-decrypt", "-in", Write("m", Encrypted(pieces, recipient, ContentCipher::kAes256Cbc)),
       "-inkey", Write("key.pem", stranger.key_pem), "-recip", Write("r.pem", stranger.certificate_pem)});
  EXPECT_NE(outcome.exit_status, 0);
}

TEST_F(CmsTest, UsesTheAlgorithmsThatReadersKnow) {
  const std::string_view pieces[] = {kEntity};
  const std::string rsa =
      Describe(Encrypted(pieces, Read(Issue("RSA-2048").certificate_pem), ContentCipher::kAes256Cbc));
  EXPECT_NE(rsa.find("pkcs7-envelopedData"), std::string::npos) << rsa;
  EXPECT_NE(rsa.find("rsaEncryption"), std::string::npos) << rsa;
  EXPECT_NE(rsa.find("aes-256-cbc"), std::string::npos) << rsa;
  const std::string elliptic =
      Describe(Encrypted(pieces, Read(Issue("P-256").certificate_pem), ContentCipher::kAes256Gcm));
  EXPECT_NE(elliptic.find("authEnvelopedData"), std::string::npos) << elliptic;
  EXPECT_NE(elliptic.find("dhSinglePass-stdDH-sha256kdf-scheme"), std::string::npos) << elliptic;
  EXPECT_NE(elliptic.find("id-aes256-wrap"), std::string::npos) << elliptic;
  EXPECT_NE(elliptic.find("aes-256-gcm"), std::string::npos) << elliptic;
}

TEST_F(CmsTest, SignedThenEncryptedLargeContentInPieces) {
  std::string entity = "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n";
  Base64Lines lines;
  lines.Append(RandomOctets(3 << 20), entity);
  lines.Finish(entity);
  const CmsSigner signer = Signer(Issue("RSA-2048"));
  const auto frame = signer.Sign(entity, kNow);
  ASSERT_TRUE(frame.ok());
  const IssuedCertificate recipient = Issue("P-256");
  const std::string_view pieces[] = {frame->head, entity, frame->tail};
  for (const ContentCipher cipher : {ContentCipher::kAes256Cbc, ContentCipher::kAes256Gcm}) {
    const std::string clear = Decrypt(Encrypted(pieces, Read(recipient.certificate_pem), cipher), recipient);
    ASSERT_EQ(clear, frame->head + entity + frame->tail);
    EXPECT_EQ(Verify(clear), entity);
  }
}

TEST_F(CmsTest, EveryLineIsShortAndEndsWithCrlf) {
  const std::string_view pieces[] = {kEntity};
  for (const std::string& mail : {Encrypted(pieces, Read(Issue("P-256").certificate_pem), ContentCipher::kAes256Cbc),
                                  Signed(Signer(Issue("RSA-2048")), kEntity)}) {
    size_t begin = 0;
    for (size_t end; (end = mail.find('\n', begin)) != std::string::npos; begin = end + 1) {
      ASSERT_GT(end, begin);
      EXPECT_EQ(mail[end - 1], '\r');
      EXPECT_LE(end - begin, 80u);
    }
    EXPECT_EQ(begin, mail.size());
  }
}

TEST_F(CmsTest, StopsAtTheSinksFirstError) {
  const std::string large(1 << 20, 'x');
  const std::string_view pieces[] = {large};
  int calls = 0;
  const Status status =
      CmsEncrypt(pieces, Read(Issue("P-256").certificate_pem), ContentCipher::kAes256Cbc, [&](std::string_view) {
        ++calls;
        return Status(MakeError(Code::kExhausted, "disk full"));
      });
  EXPECT_EQ(status.error().code, Code::kExhausted);
  EXPECT_EQ(calls, 1);
}

TEST_F(CmsTest, NobodyAndKeysThatCannotEncryptAreRefused) {
  const std::string_view pieces[] = {kEntity};
  const auto sink = [](std::string_view) { return Ok(); };
  EXPECT_EQ(CmsEncrypt(pieces, {}, ContentCipher::kAes256Cbc, sink).error().code, Code::kInvalid);
  EXPECT_FALSE(CmsEncrypt(pieces, Read(Issue("Ed25519").certificate_pem), ContentCipher::kAes256Cbc, sink).ok());
}

TEST(Base64LinesTest, IsBase64InLinesWhateverThePieces) {
  for (const size_t size : {0, 1, 2, 3, 56, 57, 58, 113, 114, 115, 1000}) {
    const std::string octets = RandomOctets(size);
    const std::string plain = Base64Encode(octets);
    std::string expected;
    for (size_t at = 0; at < plain.size(); at += 76) expected += plain.substr(at, 76) + "\r\n";
    for (const size_t piece : {1, 7, 57, 58, 4096}) {
      Base64Lines lines;
      std::string out;
      for (size_t at = 0; at < size; at += piece) lines.Append(std::string_view(octets).substr(at, piece), out);
      lines.Finish(out);
      EXPECT_EQ(out, expected) << size << ' ' << piece;
    }
  }
}

}  // namespace
}  // namespace sekisho::crypto
