#include "shared/crypto/x509.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "shared/testing/command.h"
#include "shared/testing/pki.h"
#include "shared/testing/temporary_folder.h"

namespace sekisho::crypto {
namespace {

using testing::CertificateRequest;
using testing::TestCa;
using namespace std::chrono_literals;

const TimePoint kNow = std::chrono::sys_days(std::chrono::year(2026) / 11 / 24) + 3h;
constexpr auto kYear = std::chrono::days(365);

const TestCa& Root() {
  static const TestCa root("root", kNow - 3 * kYear, kNow + 3 * kYear);
  return root;
}
const TestCa& Middle() {
  static const TestCa middle("middle", kNow - 2 * kYear, kNow + 2 * kYear, &Root());
  return middle;
}

std::vector<Certificate> Read(const std::string& pem) {
  auto bundle = Certificate::ParseBundle(pem);
  SEKISHO_CHECK(bundle.ok());
  return *std::move(bundle);
}

CertificateRequest Good() {
  CertificateRequest request;
  request.addresses = {"sato@partner.example"};
  request.not_before = kNow - kYear;
  request.not_after = kNow + kYear;
  return request;
}

Result<Validity> Verify(const CertificateRequest& request, TimePoint now = kNow,
                        std::string_view address = "sato@partner.example") {
  return VerifyForEncryption(Read(Middle().Issue(request).certificate_pem)[0], Read(Middle().certificate_pem()),
                             TrustStore(Read(Root().certificate_pem())), address, now);
}

void ExpectRefused(const Result<Validity>& result, std::string_view word) {
  ASSERT_FALSE(result.ok()) << "expected to be refused: " << word;
  EXPECT_EQ(result.error().code, Code::kPrecondition);
  EXPECT_NE(result.error().detail.find(word), std::string::npos) << result.error().detail;
  EXPECT_EQ(result.error().detail.find("sato"), std::string::npos) << "an address in an error";
}

TEST(CertificateTest, SaysWhatItHolds) {
  CertificateRequest request = Good();
  request.key = "RSA-2048";
  request.common_name = "佐藤 健一";
  request.addresses = {"sato@partner.example", "k.sato@partner.example"};
  request.subject_email = "Sato@Partner.example";
  request.utf8_mailbox = "佐藤@partner.example";
  const auto issued = Root().Issue(request);
  const Certificate certificate = Read(issued.certificate_pem)[0];
  EXPECT_EQ(certificate.addresses(),
            (std::vector<std::string>{"sato@partner.example", "k.sato@partner.example", "佐藤@partner.example"}));
  EXPECT_EQ(certificate.algorithm(), "RSA-2048");
  EXPECT_EQ(certificate.not_after(), request.not_after);
  EXPECT_NE(certificate.subject().find("CN=佐藤 健一"), std::string::npos) << certificate.subject();
  EXPECT_EQ(certificate.issuer(), "CN=root");
  EXPECT_EQ(certificate.Pem(), issued.certificate_pem);
  EXPECT_TRUE(certificate.Names("SATO@partner.EXAMPLE"));
  EXPECT_FALSE(certificate.Names("ato@partner.example"));
}

TEST(CertificateTest, AnAddressWithANulNamesNobody) {
  CertificateRequest request = Good();
  request.addresses = {std::string("sato@partner.example\0.attacker.example", 38), "sato@partner.example\r\n",
                       "no-at-sign"};
  EXPECT_TRUE(Read(Root().Issue(request).certificate_pem)[0].addresses().empty());
}

TEST(CertificateTest, FingerprintIsWhatOpensslSays) {
  const testing::TemporaryFolder folder;
  std::ofstream(folder / "c.pem") << Root().certificate_pem();
  const auto outcome =
      testing::RunCommand({"openssl", "x509", "-in", folder / "c.pem", "-noout", "-fingerprint", "-sha256"});
  ASSERT_EQ(outcome.exit_status, 0) << outcome.output;
  std::string digits;
  for (const char c : outcome.output.substr(outcome.output.find('=') + 1)) {
    if (std::isxdigit(static_cast<unsigned char>(c))) digits += static_cast<char>(std::tolower(c));
  }
  EXPECT_EQ(Read(Root().certificate_pem())[0].fingerprint(), digits);
}

TEST(CertificateTest, ReadsBundlesAndRefusesJunk) {
  EXPECT_EQ(Read(Middle().certificate_pem() + Root().certificate_pem()).size(), 2u);
  EXPECT_EQ(Read("Subject: a comment\n" + Root().certificate_pem() + testing::TestKeyPem("P-256")).size(), 1u);
  const std::string whole = Root().certificate_pem();
  for (const std::string& junk :
       {std::string(), std::string("junk"), testing::TestKeyPem("P-256"), whole.substr(0, whole.size() / 2),
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" + whole, std::string(2 << 20, 'x')}) {
    EXPECT_EQ(Certificate::ParseBundle(junk).error().code, Code::kInvalid);
  }
}

TEST(CertificateTest, ReadsDerAloneAndNothingAfterIt) {
  const testing::TemporaryFolder folder;
  std::ofstream(folder / "c.pem") << Root().certificate_pem();
  ASSERT_EQ(
      testing::RunCommand({"openssl", "x509", "-in", folder / "c.pem", "-outform", "DER", "-out", folder / "c.der"})
          .exit_status,
      0);
  std::ifstream in(folder / "c.der", std::ios::binary);
  const std::string der{std::istreambuf_iterator<char>(in), {}};
  EXPECT_EQ(Read(der)[0].fingerprint(), Read(Root().certificate_pem())[0].fingerprint());
  EXPECT_FALSE(Certificate::ParseBundle(der + "x").ok());
}

TEST(VerifyTest, AGoodOnePassesAndSaysForHowLong) {
  const auto validity = Verify(Good());
  ASSERT_TRUE(validity.ok()) << validity.error().ToString();
  EXPECT_TRUE(validity->Contains(kNow));
  EXPECT_EQ(validity->until, kNow + kYear);
  EXPECT_EQ(validity->from, kNow - kYear);
}

TEST(VerifyTest, EveryKindThatCanEncryptPasses) {
  for (const char* key : {"RSA-2048", "P-256", "P-384"}) {
    CertificateRequest request = Good();
    request.key = key;
    EXPECT_TRUE(Verify(request).ok()) << key;
  }
  CertificateRequest open = Good();
  open.key_usage = open.extended_key_usage = "";
  EXPECT_TRUE(Verify(open).ok());
}

TEST(VerifyTest, Address) {
  ExpectRefused(Verify(Good(), kNow, "tanaka@partner.example"), "doesn't name");
  EXPECT_TRUE(Verify(Good(), kNow, "Sato@Partner.Example").ok());
  EXPECT_TRUE(Verify(Good(), kNow, "").ok());
}

TEST(VerifyTest, Dates) {
  ExpectRefused(Verify(Good(), kNow + kYear + 1s), "expired on 2027-11-24");
  ExpectRefused(Verify(Good(), kNow - kYear - 1s), "valid only from 2025-11-24");
  CertificateRequest longer = Good();
  longer.not_after = kNow + 10 * kYear;
  ExpectRefused(Verify(longer, kNow + 2 * kYear + 1s), "CA certificate above it has expired");
}

TEST(VerifyTest, Purpose) {
  CertificateRequest request = Good();
  request.key_usage = "digitalSignature";
  ExpectRefused(Verify(request), "signing only");
  request.key_usage = "keyEncipherment";  // of no use to an elliptic key
  ExpectRefused(Verify(request), "signing only");
  request = Good();
  request.extended_key_usage = "serverAuth";
  ExpectRefused(Verify(request), "emailProtection");
  request = Good();
  request.key = "Ed25519";
  ExpectRefused(Verify(request), "kind (Ed25519)");
}

TEST(VerifyTest, WeakKeysAndDigests) {
  CertificateRequest request = Good();
  request.key = "RSA-1024";
  ExpectRefused(Verify(request), "weak (RSA-1024)");
  request = Good();
  request.digest = "SHA1";
  ExpectRefused(Verify(request), "SHA-1");
}

TEST(VerifyTest, Chain) {
  const TestCa stranger("stranger", kNow - kYear, kNow + kYear);
  const Certificate certificate = Read(Middle().Issue(Good()).certificate_pem)[0];
  const TrustStore root(Read(Root().certificate_pem()));
  const std::vector<Certificate> none;
  const auto verify = [&](const std::vector<Certificate>& chain, const TrustStore& trust) {
    return VerifyForEncryption(certificate, chain, trust, "sato@partner.example", kNow);
  };
  ExpectRefused(verify(none, root), "trusted CA");
  ExpectRefused(verify(Read(Middle().certificate_pem()), TrustStore(Read(stranger.certificate_pem()))), "trusted CA");
  ExpectRefused(verify(Read(Middle().certificate_pem()), TrustStore(none)), "trusted CA");
  EXPECT_TRUE(verify(none, TrustStore(Read(Middle().certificate_pem()))).ok()) << "an anchor between";
  EXPECT_TRUE(verify(none, TrustStore({&certificate, 1})).ok()) << "the certificate itself trusted";
}

TEST(VerifyTest, ACaForWebServersDoesNotVouchForMail) {
  const TestCa web("web CA", kNow - kYear, kNow + kYear, &Root(), "serverAuth");
  const auto result = VerifyForEncryption(Read(web.Issue(Good()).certificate_pem)[0], Read(web.certificate_pem()),
                                          TrustStore(Read(Root().certificate_pem())), "sato@partner.example", kNow);
  ExpectRefused(result, "isn't meant for mail");
}

TEST(VerifyTest, ALeafIsNoCa) {
  CertificateRequest leaf = Good();
  leaf.common_name = leaf.key_name = "leaf";
  std::vector<Certificate> chain = Read(Middle().Issue(leaf).certificate_pem);
  chain.push_back(Read(Middle().certificate_pem())[0]);
  const TestCa owner("leaf", kNow - kYear, kNow + kYear);  // the same name and key: what the leaf's owner could make
  ExpectRefused(VerifyForEncryption(Read(owner.Issue(Good()).certificate_pem)[0], chain,
                                    TrustStore(Read(Root().certificate_pem())), "sato@partner.example", kNow),
                "invalid CA certificate");
}

TEST(VerifyTest, Revocation) {
  const auto issued = Middle().Issue(Good());
  const auto verify = [&](const std::string& lists_pem, TimePoint now = kNow) -> Result<Validity> {
    SEKISHO_TRY(const auto lists, RevocationList::ParseBundle(lists_pem));
    return VerifyForEncryption(Read(issued.certificate_pem)[0], Read(Middle().certificate_pem()),
                               TrustStore(Read(Root().certificate_pem())), "sato@partner.example", now, lists);
  };
  const std::string root_list = Root().RevocationListPem({}, kNow - 1h, kNow + 240h);
  const auto good = verify(root_list + Middle().RevocationListPem({issued.serial + 100000}, kNow - 1h, kNow + 24h));
  ASSERT_TRUE(good.ok()) << good.error().ToString();
  EXPECT_EQ(good->until, kNow + 24h) << "the answer holds until the next list";
  ExpectRefused(verify(root_list + Middle().RevocationListPem({issued.serial}, kNow - 1h, kNow + 24h)), "was revoked");
  ExpectRefused(verify(root_list + Middle().RevocationListPem({}, kNow - 48h, kNow - 24h)), "can't be told");
  ExpectRefused(verify(root_list), "can't be told");
  EXPECT_EQ(RevocationList::ParseBundle("junk").error().code, Code::kInvalid);
}

TEST(CheckForSigningTest, EachCheck) {
  const auto check = [](const CertificateRequest& request, TimePoint now = kNow) {
    return CheckForSigning(Read(Root().Issue(request).certificate_pem)[0], now);
  };
  EXPECT_TRUE(check(Good()).ok());
  EXPECT_FALSE(check(Good(), kNow + 2 * kYear).ok());
  CertificateRequest request = Good();
  request.key_usage = "keyEncipherment";
  EXPECT_FALSE(check(request).ok());
  request = Good();
  request.extended_key_usage = "clientAuth";
  EXPECT_FALSE(check(request).ok());
}

TEST(PrivateKeyTest, KnowsItsCertificate) {
  CertificateRequest request = Good();
  request.key_name = "one";
  const auto issued = Root().Issue(request);
  const auto key = PrivateKey::FromPem(Secret<std::string>(issued.key_pem));
  ASSERT_TRUE(key.ok());
  EXPECT_EQ(key->algorithm(), "P-256");
  EXPECT_TRUE(key->Matches(Read(issued.certificate_pem)[0]));
  request.key_name = "another";
  EXPECT_FALSE(key->Matches(Read(Root().Issue(request).certificate_pem)[0]));
}

TEST(PrivateKeyTest, RefusesWeakAndStrangeKeys) {
  EXPECT_FALSE(PrivateKey::FromPem(Secret<std::string>(testing::TestKeyPem("RSA-1024"))).ok());
  EXPECT_FALSE(PrivateKey::FromPem(Secret<std::string>("junk")).ok());
  const std::string encrypted =
      "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgAAAAAAAAAAAICCAAw\n"
      "-----END ENCRYPTED PRIVATE KEY-----\n";
  EXPECT_FALSE(PrivateKey::FromPem(Secret<std::string>(encrypted)).ok());
}

TEST(PrivateKeyTest, AFileThatOthersMayReadIsRefused) {
  const testing::TemporaryFolder folder;
  const std::string path = folder / "key.pem";
  std::ofstream(path) << testing::TestKeyPem("P-256");
  chmod(path.c_str(), 0640);
  EXPECT_EQ(PrivateKey::FromFile(path).error().code, Code::kPermission);
  chmod(path.c_str(), 0600);
  EXPECT_TRUE(PrivateKey::FromFile(path).ok());
  EXPECT_EQ(PrivateKey::FromFile(folder / "none.pem").error().code, Code::kNotFound);
}

}  // namespace
}  // namespace sekisho::crypto
