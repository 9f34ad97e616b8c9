// The sealer against programs nobody here wrote: what it seals, `openssl cms` and 7-Zip open.
#include "services/encryption/domain/sealer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "services/encryption/domain/zip_rung.h"
#include "shared/mime/rewrite.h"
#include "shared/testing/command.h"
#include "shared/testing/temporary_folder.h"
#include "tests/unit/services/encryption/people.h"

namespace sekisho::encryption {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::RunCommand;
using namespace std::chrono_literals;

const TimePoint kNow = std::chrono::sys_days(std::chrono::year(2026) / 11 / 24) + 3h;
constexpr char kAgreed[] = "agreed-long-before";

const Person& Organization() {
  static const Person person = MakePerson("security@example.jp", "RSA-2048");
  return person;
}
const Person& Suzuki() {
  static const Person person = MakePerson("suzuki@partner.example", "RSA-2048");
  return person;
}
const Person& Tanaka() {
  static const Person person = MakePerson("tanaka@partner.example", "P-256");
  return person;
}

class SealerTest : public ::testing::Test {
 protected:
  SealerTest() : signer_(SignerOf(Organization(), kNow)) {
    request_.signer = &signer_;
    request_.now = kNow;
  }

  // Seals `mail`; the test goes on only when that was possible.
  Sealed SealIt(const std::string& mail) {
    auto outcome = Run(mail);
    EXPECT_TRUE(outcome.ok()) << outcome.error().detail;
    if (!outcome.ok()) return {};
    const auto* refusal = std::get_if<Refusal>(&*outcome);
    EXPECT_EQ(refusal, nullptr) << refusal->en;
    return refusal != nullptr ? Sealed() : std::get<Sealed>(*outcome);
  }
  Refusal RefuseIt(const std::string& mail) {
    auto outcome = Run(mail);
    EXPECT_TRUE(outcome.ok() && std::holds_alternative<Refusal>(*outcome));
    EXPECT_EQ(d2_, "");
    return outcome.ok() && std::holds_alternative<Refusal>(*outcome) ? std::get<Refusal>(*outcome) : Refusal();
  }
  Result<std::variant<Sealed, Refusal>> Run(const std::string& mail) {
    request_.mail = mail;
    d2_.clear();
    return Seal(request_, [this](std::string_view piece) {
      d2_ += piece;
      return Ok();
    });
  }

  std::string Write(const std::string& name, std::string_view octets) {
    std::ofstream(folder_ / name, std::ios::binary) << octets;
    return folder_ / name;
  }
  std::string ReadFile(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  // The content of a signed mail, as openssl verified it.
  std::string Verify(std::string_view mail) {
    const auto outcome =
        RunCommand({"openssl", "cms", "-verify", "-in", Write("signed.eml", mail), "-CAfile",
                    Write("root.pem", Root().certificate_pem()), "-no_check_time", "-out", folder_ / "content"});
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output;
    return outcome.exit_status == 0 ? ReadFile(folder_ / "content") : "";
  }
  std::string Decrypt(std::string_view mail, const Person& person) {
    const auto outcome = RunCommand({"openssl", "cms", "-decrypt", "-binary", "-in", Write("sealed.eml", mail),
                                     "-inkey", Write("key.pem", person.issued.key_pem), "-recip",
                                     Write("r.pem", person.issued.certificate_pem), "-out", folder_ / "clear"});
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output;
    return outcome.exit_status == 0 ? ReadFile(folder_ / "clear") : "";
  }
  // The files that 7-Zip finds in the only attachment of `mail`.
  std::map<std::string, std::string> Unzip(const std::string& mail, const std::string& password,
                                           int expected_status = 0) {
    const auto model = mime::Parse(std::string_view(mail));
    EXPECT_TRUE(model.ok());
    const std::vector<size_t> attachments = mime::Attachments(*model);
    EXPECT_EQ(attachments.size(), 1u);
    const mime::Part& zip = model->parts[attachments.at(0)];
    EXPECT_EQ(zip.file_name, kZipName);
    EXPECT_EQ(zip.MediaType(), "application/zip");
    setenv("LC_ALL", "C.UTF-8", 1);
    std::filesystem::remove_all(folder_ / "out");
    const auto outcome = RunCommand(
        {"7z", "x", "-p" + password, "-o" + (folder_ / "out"), Write("a.zip", *mime::DecodeContent(*model, zip))});
    EXPECT_EQ(outcome.exit_status, expected_status) << outcome.output;
    std::map<std::string, std::string> files;
    if (outcome.exit_status != 0) return files;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / "out"))
      files[entry.path().filename()] = ReadFile(entry);
    return files;
  }

  crypto::CmsSigner signer_;
  SealRequest request_;
  std::string d2_;
  testing::TemporaryFolder folder_;
};

TEST_F(SealerTest, ASignedMailVerifiesAndKeepsItsHeaderAndContent) {
  request_.treatment.set_smime_sign(true);
  const Sealed sealed = SealIt(MailWithAttachments());
  EXPECT_EQ(sealed.rung, "smime-sign");
  EXPECT_THAT(sealed.key_ids, ElementsAre(Organization().certificate.fingerprint()));
  EXPECT_FALSE(sealed.unchanged);
  EXPECT_FALSE(sealed.password.has_value());
  const auto header = mime::ParseHeader(d2_);
  ASSERT_TRUE(header.ok());
  EXPECT_EQ(header->subject, "見積書");
  EXPECT_EQ(header->message_id, "<1@example.jp>");
  const std::string content = Verify(d2_);
  EXPECT_THAT(content, HasSubstr("filename=spec.pdf"));
  EXPECT_THAT(content, Not(HasSubstr("Subject:")));  // what stands outside is not repeated inside
}

TEST_F(SealerTest, EveryRecipientOfTheParcelOpensOneMessageAndFindsItSigned) {
  request_.treatment.set_smime_sign(true);
  request_.treatment.set_smime_encrypt(true);
  request_.certificates = {Suzuki().certificate, Tanaka().certificate};
  const Sealed sealed = SealIt(MailWithAttachments());
  EXPECT_EQ(sealed.rung, "smime-sign+encrypt");
  EXPECT_THAT(sealed.key_ids, ElementsAre(Organization().certificate.fingerprint(), Suzuki().certificate.fingerprint(),
                                          Tanaka().certificate.fingerprint()));
  EXPECT_THAT(d2_, Not(HasSubstr("spec.pdf")));
  for (const Person* person : {&Suzuki(), &Tanaka()}) EXPECT_THAT(Verify(Decrypt(d2_, *person)), HasSubstr("spec.pdf"));
}

TEST_F(SealerTest, EncryptsWithoutASignatureOnlyWhereThereIsNoKey) {
  request_.treatment.set_smime_encrypt(true);
  request_.certificates = {Suzuki().certificate};
  EXPECT_EQ(SealIt(MailOfText()).rung, "smime-sign+encrypt");
  request_.signer = nullptr;
  const Sealed sealed = SealIt(MailOfText());
  EXPECT_EQ(sealed.rung, "smime-encrypt");
  EXPECT_THAT(Decrypt(d2_, Suzuki()), HasSubstr("44GT44KT44Gr"));  // 7-bit inside, whatever it came as
}

TEST_F(SealerTest, OneCertificateOfTwoRecipientsIsUsedOnce) {
  request_.treatment.set_smime_encrypt(true);
  request_.certificates = {Suzuki().certificate, Suzuki().certificate};
  EXPECT_EQ(SealIt(MailOfText()).key_ids.size(), 2u);  // the signer's and theirs
  EXPECT_THAT(Verify(Decrypt(d2_, Suzuki())), HasSubstr("44GT44KT44Gr"));
}

TEST_F(SealerTest, ZipsTheAttachmentsUnderAPasswordThatIsMadeForIt) {
  request_.treatment.set_attachments(mail::v1::ATTACHMENT_SEAL_ZIP_AES256);
  const Sealed sealed = SealIt(MailWithAttachments());
  EXPECT_EQ(sealed.rung, "zip-aes256");
  EXPECT_TRUE(sealed.key_ids.empty());
  ASSERT_TRUE(sealed.password.has_value());
  EXPECT_EQ(sealed.password->Reveal().size(), 16u);
  EXPECT_THAT(d2_, HasSubstr("見積書をお送りします。"));  // the body as it was
  EXPECT_THAT(d2_, Not(HasSubstr(sealed.password->Reveal())));
  const std::map<std::string, std::string> expected = {{"見積書（改）.txt", "合計 1,200 円\n"},
                                                       {"spec.pdf", "%PDF-1.4\n"}};
  EXPECT_EQ(Unzip(d2_, sealed.password->Reveal()), expected);
  Unzip(d2_, "another password", 2);
}

TEST_F(SealerTest, NeverMakesTheSamePasswordTwice) {
  request_.treatment.set_attachments(mail::v1::ATTACHMENT_SEAL_ZIP_AES256);
  const std::string first = SealIt(MailWithAttachments()).password->Reveal();
  EXPECT_NE(SealIt(MailWithAttachments()).password->Reveal(), first);
}

TEST_F(SealerTest, AnAgreedPasswordIsUsedAndNotTold) {
  request_.treatment.set_attachments(mail::v1::ATTACHMENT_SEAL_ZIP_AES256);
  request_.agreed = AgreedPassword{"id7", Secret<std::string>(kAgreed)};
  request_.sender_can_be_told = false;
  const Sealed sealed = SealIt(MailWithAttachments());
  EXPECT_FALSE(sealed.password.has_value());
  EXPECT_THAT(sealed.key_ids, ElementsAre("agreed-password:id7"));
  EXPECT_EQ(Unzip(d2_, kAgreed).size(), 2u);
}

TEST_F(SealerTest, ZipsFirstThenSignsThenEncrypts) {
  request_.treatment.set_attachments(mail::v1::ATTACHMENT_SEAL_ZIP_AES256);
  request_.treatment.set_smime_encrypt(true);
  request_.certificates = {Suzuki().certificate};
  const Sealed sealed = SealIt(MailWithAttachments());
  EXPECT_EQ(sealed.rung, "zip-aes256, smime-sign+encrypt");
  const std::string inside = Verify(Decrypt(d2_, Suzuki()));
  EXPECT_EQ(Unzip("From: hanako@example.jp\r\nMIME-Version: 1.0\r\n" + inside, sealed.password->Reveal()).size(), 2u);
}

TEST_F(SealerTest, AMailWithoutAttachmentsPassesTheZipRungUnchanged) {
  request_.treatment.set_attachments(mail::v1::ATTACHMENT_SEAL_ZIP_AES256);
  const Sealed sealed = SealIt(MailOfText());
  EXPECT_TRUE(sealed.unchanged);
  EXPECT_EQ(sealed.rung, "none");
  EXPECT_FALSE(sealed.password.has_value());
  EXPECT_EQ(d2_, "");
  request_.treatment.set_smime_sign(true);
  EXPECT_EQ(SealIt(MailOfText()).rung, "smime-sign");
}

TEST_F(SealerTest, AMailThatIsOneAttachmentIsZipped) {
  request_.treatment.set_attachments(mail::v1::ATTACHMENT_SEAL_ZIP_AES256);
  const Sealed sealed = SealIt(
      "From: hanako@example.jp\r\nDate: Tue, 24 Nov 2026 10:00:00 +0900\r\nMIME-Version: 1.0\r\n"
      "Content-Type: application/pdf; name=a.pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\n"
      "Content-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjQK\r\n");
  const std::map<std::string, std::string> expected = {{"a.pdf", "%PDF-1.4\n"}};
  EXPECT_EQ(Unzip(d2_, sealed.password->Reveal()), expected);
}

TEST_F(SealerTest, WhatTheSenderSealedIsNotChangedAndNotPassed) {
  for (const bool zip : {true, false}) {
    request_.treatment.Clear();
    if (zip)
      request_.treatment.set_attachments(mail::v1::ATTACHMENT_SEAL_ZIP_AES256);
    else
      request_.treatment.set_smime_sign(true);
    EXPECT_EQ(RefuseIt(SealedBySender()).cause, "sealed_by_sender");
  }
}

TEST_F(SealerTest, NamesEveryRecipientWithoutACertificateAndWhy) {
  request_.treatment.set_smime_encrypt(true);
  request_.certificates = {Suzuki().certificate, MakeError(Code::kPrecondition, "it expired"),
                           MakeError(Code::kPrecondition, "none")};
  const Refusal refusal = RefuseIt(MailOfText());
  EXPECT_EQ(refusal.cause, "no_certificate");
  ASSERT_EQ(refusal.lacking.size(), 2u);
  EXPECT_EQ(refusal.lacking[0].recipient, 1u);
  EXPECT_EQ(refusal.lacking[0].why, "it expired");
  EXPECT_EQ(refusal.lacking[1].recipient, 2u);
  EXPECT_THAT(refusal.en, HasSubstr("sekisho cert import"));
  EXPECT_THAT(refusal.ja, HasSubstr("sekisho cert import"));
  request_.certificates.clear();
  EXPECT_EQ(RefuseIt(MailOfText()).cause, "no_certificate");
}

TEST_F(SealerTest, RefusesWithoutTheKeyThatIsAskedFor) {
  request_.treatment.set_smime_sign(true);
  request_.signer = nullptr;
  EXPECT_EQ(RefuseIt(MailOfText()).cause, "no_signing_key");
}

TEST_F(SealerTest, AnExpiredSignerSealsNothingLess) {
  request_.treatment.set_smime_encrypt(true);  // a signature was not even asked for
  request_.certificates = {Suzuki().certificate};
  request_.now = kUntil + 24h;
  EXPECT_EQ(RefuseIt(MailOfText()).cause, "signing_key_unusable");
}

TEST_F(SealerTest, APasswordThatNobodyCouldPassOnIsNotMade) {
  request_.treatment.set_attachments(mail::v1::ATTACHMENT_SEAL_ZIP_AES256);
  request_.sender_can_be_told = false;
  EXPECT_EQ(RefuseIt(MailWithAttachments()).cause, "nobody_to_tell");
  EXPECT_TRUE(SealIt(MailOfText()).unchanged);
}

TEST_F(SealerTest, AMailWithTwoReadingsIsRefused) {
  request_.treatment.set_smime_sign(true);
  const Refusal refusal = RefuseIt(
      "From: hanako@example.jp\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n"
      "Content-Type: text/html\r\n\r\nx\r\n");
  EXPECT_EQ(refusal.cause, "cannot_be_changed");
  EXPECT_THAT(refusal.en, HasSubstr("Content-Type"));
}

TEST_F(SealerTest, AnAttachmentInsideSomethingSignedIsRefused) {
  request_.treatment.set_attachments(mail::v1::ATTACHMENT_SEAL_ZIP_AES256);
  const Refusal refusal = RefuseIt(
      "From: hanako@example.jp\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n"
      "Content-Type: text/plain\r\n\r\nforwarded\r\n--o\r\nContent-Type: multipart/signed; micalg=sha-256; boundary=i; "
      "protocol=\"application/pkcs7-signature\"\r\n\r\n--i\r\nContent-Type: application/pdf; name=a.pdf\r\n"
      "Content-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjQK\r\n--i\r\nContent-Type: application/pkcs7-signature; "
      "name=smime.p7s\r\n"
      "Content-Transfer-Encoding: base64\r\n\r\nMAA=\r\n--i--\r\n\r\n--o--\r\n");
  EXPECT_THAT(refusal.cause, ::testing::AnyOf("cannot_be_changed", "sealed_by_sender"));
}

TEST_F(SealerTest, WhatANewerPolicyAsksIsNeverSkipped) {
  request_.treatment.set_attachments(static_cast<mail::v1::AttachmentSeal>(7));
  EXPECT_EQ(Run(MailWithAttachments()).error().code, Code::kUnsupported);
  request_.treatment.Clear();
  request_.treatment.GetReflection()->MutableUnknownFields(&request_.treatment)->AddVarint(99, 1);
  EXPECT_EQ(Run(MailWithAttachments()).error().code, Code::kUnsupported);
}

TEST_F(SealerTest, AFullDiskIsNotTheMailsFault) {
  request_.treatment.set_smime_encrypt(true);
  request_.certificates = {Suzuki().certificate};
  const std::string mail = MailOfText();
  request_.mail = mail;
  for (const int pieces : {0, 1}) {
    int seen = 0;
    const auto outcome = Seal(request_, [&](std::string_view) {
      return seen++ < pieces ? Ok() : Status(MakeError(Code::kExhausted, "full"));
    });
    ASSERT_FALSE(outcome.ok());
    EXPECT_EQ(outcome.error().code, Code::kExhausted);
    EXPECT_EQ(outcome.error().retry, Retry::kLater);
  }
}

TEST(EntryNamesTest, AreSafeUniqueAndKeepTheirExtension) {
  EXPECT_THAT(EntryNames({"", "../../etc/passwd", "C:\\dir\\a.txt", "..", "a\r\nb.txt"}),
              ElementsAre("file", ".._.._etc_passwd", "C__dir_a.txt", "file (2)", "a__b.txt"));
  EXPECT_THAT(EntryNames({"A.txt", "a.TXT", "a (2).txt", "a.txt"}),
              ElementsAre("A.txt", "a (2).TXT", "a (2) (2).txt", "a (3).txt"));
  EXPECT_THAT(EntryNames({"what?.txt", "end. ", "\xff.txt"}), ElementsAre("what_.txt", "end", "\xEF\xBF\xBD.txt"));
  std::string name;
  for (int i = 0; i < 100; ++i) name += "議";
  const std::string entry = EntryNames({name + "録.xlsx"})[0];
  EXPECT_LE(entry.size(), 240u);
  EXPECT_TRUE(entry.ends_with("議.xlsx")) << entry;
}

}  // namespace
}  // namespace sekisho::encryption
