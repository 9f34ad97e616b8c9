// The service on a real store and bus: what it hands on, what it refuses, what it parks, and that a password is told
// once.
#include "services/encryption/adapters/processor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "shared/mime/model.h"
#include "tests/unit/services/encryption/encryption_world.h"

namespace sekisho::encryption {
namespace {

using mail::v1::Treatment;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr auto kZip = [](Treatment& treatment) { treatment.set_attachments(mail::v1::ATTACHMENT_SEAL_ZIP_AES256); };
constexpr auto kEncrypt = [](Treatment& treatment) { treatment.set_smime_encrypt(true); };
constexpr auto kSign = [](Treatment& treatment) { treatment.set_smime_sign(true); };

class ProcessorTest : public ::testing::Test {
 protected:
  // The text of a mail of our own.
  std::string TextOf(const mail::v1::Parcel& parcel) {
    const std::string octets = world_.ReadContent(parcel.content());
    const auto model = mime::Parse(std::string_view(octets));
    EXPECT_TRUE(model.ok());
    return *mime::ReadableText(*model, model->parts[0]);
  }
  // The one record that is parked, once it is.
  stage::v1::ParkedRecord AwaitParked() {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    for (;;) {
      const auto parked = *world_.app->stage().Parked();
      if (parked.size() == 1) return parked[0];
      if (std::chrono::steady_clock::now() > give_up) {
        ADD_FAILURE() << "nothing was parked";
        return {};
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  // A zipped parcel to two recipients that delivery has.
  EncryptionWorld::Mail ZippedMail() {
    auto mail = world_.MakeMail(MailWithAttachments(), {"a@one.example", "b@two.example"}, kZip);
    world_.SignAndHandOver(mail);
    EXPECT_EQ(world_.NextParcel().seal().rung(), "zip-aes256");
    EXPECT_EQ(world_.NextEvent().type(), "sealed");
    return mail;
  }

  EncryptionWorld world_;
};

TEST_F(ProcessorTest, HandsTheSealedParcelOnToDelivery) {
  const Person organization = MakePerson("security@example.jp"), suzuki = MakePerson("suzuki@partner.example");
  world_.GiveSigner(organization);
  world_.config.mutable_encryption()->add_certificate_files(world_.Write("suzuki.pem", suzuki.issued.certificate_pem));
  ASSERT_TRUE(world_.Start().ok());
  auto mail = world_.MakeMail(MailWithAttachments(), {"Suzuki@PARTNER.example"}, kEncrypt);
  world_.SignAndHandOver(mail);

  const mail::v1::Parcel parcel = world_.NextParcel();
  EXPECT_EQ(parcel.hop(), 2u);
  EXPECT_EQ(parcel.parcel_id(), mail.parcel.parcel_id());
  EXPECT_EQ(parcel.judgement().SerializeAsString(), mail.parcel.judgement().SerializeAsString());
  EXPECT_EQ(parcel.seal().d1_sha256(), mail.judgement.d1_sha256());
  EXPECT_EQ(parcel.seal().d2_sha256(), parcel.content().sha256());
  EXPECT_NE(parcel.content().sha256(), mail.judgement.d1_sha256());
  EXPECT_EQ(parcel.seal().rung(), "smime-sign+encrypt");
  EXPECT_THAT(parcel.seal().key_ids(),
              ElementsAre(organization.certificate.fingerprint(), suzuki.certificate.fingerprint()));
  EXPECT_EQ(parcel.content().key(), mail.id.ToString() + "/d2-" + ParcelId::FromOctets(parcel.parcel_id())->ToString());
  EXPECT_THAT(world_.ReadContent(parcel.content()), HasSubstr("application/pkcs7-mime"));

  const mail::v1::JournalEvent event = world_.NextEvent();
  EXPECT_EQ(event.type(), "sealed");
  EXPECT_EQ(event.state(), mail::v1::RECIPIENT_STATE_DELIVERING);
  EXPECT_THAT(event.recipients(), ElementsAre("Suzuki@PARTNER.example"));
  EXPECT_EQ(event.content_sha256(), parcel.content().sha256());
  EXPECT_THAT(event.detail(),
              HasSubstr("smime-sign+encrypt; keys " + organization.certificate.fingerprint().substr(0, 32)));
  world_.Settle();
  EXPECT_TRUE(world_.IsEmpty(bus::Topic::kSealed));
}

TEST_F(ProcessorTest, WhatHasNothingToSealKeepsItsContent) {
  ASSERT_TRUE(world_.Start().ok());
  auto mail = world_.MakeMail(MailOfText(), {"a@one.example"}, kZip);
  world_.SignAndHandOver(mail);
  const mail::v1::Parcel parcel = world_.NextParcel();
  EXPECT_EQ(parcel.content().SerializeAsString(), mail.parcel.content().SerializeAsString());
  EXPECT_EQ(parcel.seal().d1_sha256(), parcel.seal().d2_sha256());
  EXPECT_EQ(parcel.seal().rung(), "none");
  EXPECT_THAT(world_.NextEvent().detail(), HasSubstr("nothing to seal"));
  EXPECT_EQ(world_.Rows("password"), 0u);
}

TEST_F(ProcessorTest, AParcelThatWasApprovedComesFromApproval) {
  world_.GiveSigner(MakePerson("security@example.jp"));
  ASSERT_TRUE(world_.Start().ok());
  auto mail = world_.MakeMail(MailOfText(), {"a@one.example", "b@one.example"}, kSign);
  mail.judgement.clear_slip();
  for (const auto stage : {mail::v1::STAGE_APPROVAL, mail::v1::STAGE_ENCRYPTION, mail::v1::STAGE_DELIVERY})
    mail.judgement.add_slip(stage);
  world_.Sign(mail);
  mail.parcel.set_hop(2);
  mail.parcel.mutable_recipients()->RemoveLast();  // a child parcel: some of its recipients were decided about
  mail.parcel.set_parent_parcel_id(mail.parcel.parcel_id());
  mail.parcel.set_parcel_id(std::string(ParcelId::Generate(world_.clock.Now()).octets()));
  world_.HandOver(mail, "approval");
  EXPECT_EQ(world_.NextParcel().hop(), 3u);
}

TEST_F(ProcessorTest, WithoutACertificateNothingGoesAndTheSenderLearnsWhy) {
  world_.GiveSigner(MakePerson("security@example.jp"));
  world_.config.mutable_encryption()->add_certificate_files(
      world_.Write("a.pem", MakePerson("a@one.example").issued.certificate_pem));
  ASSERT_TRUE(world_.Start().ok());
  auto mail = world_.MakeMail(MailOfText(), {"a@one.example", "b@two.example"}, kEncrypt);
  world_.SignAndHandOver(mail);

  const auto outcome = world_.Next<mail::v1::Outcome>(bus::Topic::kOutcome);
  EXPECT_EQ(outcome.state(), mail::v1::RECIPIENT_STATE_REJECTED);
  EXPECT_EQ(outcome.parcel_id(), mail.parcel.parcel_id());
  EXPECT_THAT(outcome.recipients(), ElementsAre("a@one.example", "b@two.example"));
  EXPECT_EQ(outcome.mail_from(), "hanako@example.jp");
  EXPECT_THAT(outcome.detail(), HasSubstr("recipient 2: there is no certificate"));
  EXPECT_THAT(outcome.detail(), Not(HasSubstr("two.example")));

  const mail::v1::JournalEvent event = world_.NextEvent();
  EXPECT_EQ(event.type(), "rejected");
  EXPECT_EQ(event.state(), mail::v1::RECIPIENT_STATE_REJECTED);
  EXPECT_EQ(event.recipients_size(), 2);

  const mail::v1::Parcel notice = world_.NextParcel();
  EXPECT_EQ(notice.system_mail(), mail::v1::SYSTEM_MAIL_NOTICE);
  EXPECT_EQ(notice.envelope().mail_from(), "");
  EXPECT_FALSE(notice.has_judgement());
  EXPECT_NE(notice.mail_id(), mail.parcel.mail_id());
  ASSERT_EQ(notice.recipients_size(), 1);
  EXPECT_EQ(notice.recipients(0).address(), "hanako@example.jp");
  EXPECT_THAT(
      TextOf(notice),
      HasSubstr("Without a usable certificate:\n  b@two.example\n    there is no certificate of this recipient"));
  const mail::v1::JournalEvent accepted = world_.NextEvent();
  EXPECT_EQ(accepted.type(), "accepted");
  EXPECT_EQ(accepted.mail_id(), notice.mail_id());
  EXPECT_EQ(accepted.system_mail(), mail::v1::SYSTEM_MAIL_NOTICE);
  world_.Settle();
  EXPECT_TRUE(world_.IsEmpty(bus::Topic::kSealed));
  EXPECT_TRUE(world_.app->stage().Parked()->empty());
}

TEST_F(ProcessorTest, TheNullSenderIsRejectedWithoutANotice) {
  ASSERT_TRUE(world_.Start().ok());
  auto mail = world_.MakeMail(MailWithAttachments(), {"a@one.example"}, kZip, "");
  world_.SignAndHandOver(mail);
  EXPECT_EQ(world_.Next<mail::v1::Outcome>(bus::Topic::kOutcome).state(), mail::v1::RECIPIENT_STATE_REJECTED);
  world_.Settle();
  EXPECT_TRUE(world_.IsEmpty(bus::Topic::kSealed));
}

TEST_F(ProcessorTest, AForgedOrChangedParcelIsParked) {
  struct Forgery {
    const char* what;
    std::function<void(EncryptionWorld::Mail&)> change;  // after policy signed
  };
  const Forgery forgeries[] = {
      {"a judgement that policy did not sign",
       [](auto& mail) {
         mail.judgement.mutable_treatment()->Clear();
         mail.parcel.mutable_judgement()->set_judgement(mail.judgement.SerializeAsString());
       }},
      {"no signature", [](auto& mail) { mail.parcel.mutable_judgement()->clear_mac_by_stage(); }},
      {"a signature for another stage",
       [this](auto& mail) {
         (*mail.parcel.mutable_judgement()->mutable_mac_by_stage())[mail::v1::STAGE_ENCRYPTION] =
             *world_.keys->EdgeMac("policy", "delivery", mail.parcel.judgement().judgement());
       }},
      {"a recipient more", [](auto& mail) { mail.parcel.add_recipients()->set_address("x@evil.example"); }},
      {"other content",
       [this](auto& mail) {
         *mail.parcel.mutable_content() =
             world_.MakeMail(MailWithAttachments(), {"a@one.example"}, kSign).parcel.content();
       }},
      {"the digest of other content",
       [](auto& mail) { mail.parcel.mutable_content()->set_key(mail.id.ToString() + "/d1-none"); }},
  };
  world_.GiveSigner(MakePerson("security@example.jp"));
  ASSERT_TRUE(world_.Start().ok());
  size_t parked = 0;
  for (const Forgery& forgery : forgeries) {
    auto mail = world_.MakeMail(MailOfText(), {"a@one.example"}, kSign);
    world_.Sign(mail);
    forgery.change(mail);
    world_.HandOver(mail);
    world_.Settle();
    EXPECT_EQ(world_.app->stage().Parked()->size(), ++parked) << forgery.what;
    EXPECT_TRUE(world_.IsEmpty(bus::Topic::kSealed)) << forgery.what;
    EXPECT_TRUE(world_.IsEmpty(bus::Topic::kOutcome)) << forgery.what;
  }
}

TEST_F(ProcessorTest, ATreatmentOfANewerVersionIsParked) {
  ASSERT_TRUE(world_.Start().ok());
  auto mail = world_.MakeMail(MailOfText(), {"a@one.example"}, [](Treatment& treatment) {
    treatment.set_attachments(static_cast<mail::v1::AttachmentSeal>(7));
  });
  world_.SignAndHandOver(mail);
  EXPECT_THAT(AwaitParked().cause(), HasSubstr("a later version asks"));
  EXPECT_TRUE(world_.IsEmpty(bus::Topic::kSealed));
}

TEST_F(ProcessorTest, TheFirstDeliveryTellsTheSenderThePasswordOnce) {
  ASSERT_TRUE(world_.Start().ok());
  const auto mail = ZippedMail();
  EXPECT_EQ(world_.Rows("password"), 1u);
  world_.Tell(mail, mail::v1::RECIPIENT_STATE_DELIVERED, {"a@one.example"});

  const mail::v1::Parcel told = world_.NextParcel();
  EXPECT_EQ(told.system_mail(), mail::v1::SYSTEM_MAIL_PASSWORD);
  EXPECT_EQ(told.envelope().mail_from(), "");
  EXPECT_EQ(told.recipients(0).address(), "hanako@example.jp");
  EXPECT_THAT(told.recipients(0).notify(), ElementsAre(mail::v1::Recipient::NOTIFY_NEVER));
  EXPECT_EQ(told.content().key(), MailId::FromOctets(told.mail_id())->ToString() + "/d0");
  const std::string text = TextOf(told);
  for (const char* part : {"Subject: 見積書", "a@one.example", "b@two.example", "attachments.zip"})
    EXPECT_THAT(text, HasSubstr(part));
  const mail::v1::JournalEvent event = world_.NextEvent();
  EXPECT_EQ(event.type(), "password_told");
  EXPECT_EQ(event.mail_id(), mail.parcel.mail_id());
  EXPECT_EQ(world_.NextEvent().type(), "accepted");

  world_.Tell(mail, mail::v1::RECIPIENT_STATE_RELAYED, {"b@two.example"});
  world_.Settle();
  EXPECT_TRUE(world_.IsEmpty(bus::Topic::kSealed));
  EXPECT_TRUE(world_.IsEmpty(bus::Topic::kJournal));
  EXPECT_EQ(world_.Rows("password"), 0u);  // told: no longer kept
}

TEST_F(ProcessorTest, OutcomesSideBySideOrAgainTellItOnce) {
  ASSERT_TRUE(world_.Start().ok());
  const auto mail = ZippedMail();
  KeyBook book(world_.config.encryption(), *world_.around);
  Processor processor(*world_.around, *world_.content, book, {},
                      {"gw.example.jp", "postmaster@example.jp", notice::Language::kJapanese});
  mail::v1::Outcome outcome;
  outcome.set_mail_id(mail.parcel.mail_id());
  outcome.set_parcel_id(mail.parcel.parcel_id());
  outcome.set_state(mail::v1::RECIPIENT_STATE_DELIVERED);
  outcome.add_recipients("a@one.example");
  const stage::Input input{bus::Topic::kOutcome,
                           EventId::Generate(world_.clock.Now()),
                           mail.id,
                           "delivery",
                           outcome.SerializeAsString(),
                           mail.key,
                           "",
                           1};
  const auto first = processor.Process(input), second = processor.Process(input);
  ASSERT_TRUE(first.ok() && second.ok() && *first && *second);
  stage::Committer committer(*world_.around, "encryption");
  // A transaction that does not become durable tells nothing; the effects run again.
  EXPECT_FALSE(committer
                   .CommitAndWait([&](store::Tx& tx, stage::Outbox& outbox) -> Status {
                     SEKISHO_RETURN_IF_ERROR((*first)(tx, outbox));
                     return MakeError(Code::kUnavailable, "cut");
                   })
                   .ok());
  EXPECT_EQ(world_.Rows("password"), 1u);
  EXPECT_TRUE(world_.IsEmpty(bus::Topic::kSealed));
  EXPECT_TRUE(committer.CommitAndWait(*first).ok());
  EXPECT_TRUE(committer.CommitAndWait(*second).ok());
  EXPECT_EQ(world_.NextParcel().system_mail(), mail::v1::SYSTEM_MAIL_PASSWORD);
  EXPECT_TRUE(world_.IsEmpty(bus::Topic::kSealed));
  EXPECT_FALSE(*processor.Process(input));  // nothing to do any more
}

TEST_F(ProcessorTest, ThePasswordOutlivesARestart) {
  ASSERT_TRUE(world_.Start().ok());
  const auto mail = ZippedMail();
  world_.Restart();
  ASSERT_TRUE(world_.Start().ok());
  world_.Tell(mail, mail::v1::RECIPIENT_STATE_DELIVERED, {"b@two.example"});
  world_.Settle();
  std::vector<mail::v1::SystemMail> sent;
  sent.push_back(world_.NextParcel().system_mail());
  sent.push_back(world_.NextParcel().system_mail());
  EXPECT_THAT(sent, ElementsAre(mail::v1::SYSTEM_MAIL_UNSPECIFIED, mail::v1::SYSTEM_MAIL_PASSWORD));
  EXPECT_TRUE(world_.IsEmpty(bus::Topic::kSealed));
}

TEST_F(ProcessorTest, AMailThatReachesNobodyTellsNoPassword) {
  ASSERT_TRUE(world_.Start().ok());
  const auto mail = ZippedMail();
  world_.Tell(mail, mail::v1::RECIPIENT_STATE_BOUNCED, {"a@one.example"});
  world_.Settle();
  EXPECT_EQ(world_.Rows("password"), 1u);
  world_.Tell(mail, mail::v1::RECIPIENT_STATE_RECALLED, {"b@two.example"});
  world_.Settle();
  EXPECT_EQ(world_.Rows("password"), 0u);
  EXPECT_TRUE(world_.IsEmpty(bus::Topic::kSealed));
}

TEST_F(ProcessorTest, OneThatArrivesAfterAnotherBouncedStillTells) {
  ASSERT_TRUE(world_.Start().ok());
  const auto mail = ZippedMail();
  world_.Tell(mail, mail::v1::RECIPIENT_STATE_BOUNCED, {"a@one.example"});
  world_.Tell(mail, mail::v1::RECIPIENT_STATE_DELIVERED, {"b@two.example"});
  EXPECT_EQ(world_.NextParcel().system_mail(), mail::v1::SYSTEM_MAIL_PASSWORD);
}

TEST_F(ProcessorTest, AnAgreedPasswordIsToldToNobody) {
  world_.config.mutable_encryption()->add_agreed_passwords()->set_recipient("one.example");
  world_.config.mutable_encryption()->mutable_agreed_passwords(0)->set_password_file(
      world_.Write("password", "agreed-long-before\n"));
  ASSERT_TRUE(world_.Start().ok());
  auto mail = world_.MakeMail(MailWithAttachments(), {"a@one.example"}, kZip);
  world_.SignAndHandOver(mail);
  EXPECT_THAT(world_.NextParcel().seal().key_ids(0), HasSubstr("agreed-password:"));
  EXPECT_EQ(world_.Rows("password"), 0u);
  world_.Tell(mail, mail::v1::RECIPIENT_STATE_DELIVERED, {"a@one.example"});
  world_.Settle();
  EXPECT_TRUE(world_.IsEmpty(bus::Topic::kSealed));
}

TEST_F(ProcessorTest, AnOutcomeUnderAnotherMailsNameIsParked) {
  ASSERT_TRUE(world_.Start().ok());
  const auto mail = ZippedMail();
  auto other = world_.MakeMail(MailOfText(), {"a@one.example"}, kZip);
  other.parcel.set_parcel_id(mail.parcel.parcel_id());
  world_.Tell(other, mail::v1::RECIPIENT_STATE_DELIVERED, {"a@one.example"});
  EXPECT_THAT(AwaitParked().cause(), HasSubstr("another mail"));
  EXPECT_TRUE(world_.IsEmpty(bus::Topic::kSealed));
}

TEST_F(ProcessorTest, NeitherPasswordsNorAddressesLieInTheDatabase) {
  world_.config.mutable_encryption()->add_certificate_files(
      world_.Write("a.pem", MakePerson("canary-address@one.example").issued.certificate_pem));
  ASSERT_TRUE(world_.Start().ok());
  auto mail = world_.MakeMail(MailWithAttachments(), {"canary-address@one.example"}, kZip);
  world_.SignAndHandOver(mail);
  EXPECT_EQ(world_.NextParcel().seal().rung(), "zip-aes256");
  world_.Tell(mail, mail::v1::RECIPIENT_STATE_DELIVERED, {"canary-address@one.example"});
  const std::string text = TextOf(world_.NextParcel());
  const size_t at = text.find("Password:\n\n") + 11;
  const std::string password = text.substr(at, 16);
  EXPECT_EQ(text[at + 16], '\n');
  world_.Settle();
  size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(world_.store().files())) {
    if (!entry.is_regular_file()) continue;
    ++files;
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string octets{std::istreambuf_iterator<char>(in), {}};
    EXPECT_EQ(octets.find(password), std::string::npos) << entry.path();
    EXPECT_EQ(octets.find("canary-address"), std::string::npos) << entry.path();
  }
  EXPECT_GT(files, 0u);
}

}  // namespace
}  // namespace sekisho::encryption
