// A letter's way to delivery's topic, on a real store, bus, key ring and content store.

#include "shared/notice/writer.h"

#include <gmock/gmock.h>

#include "shared/bus/local.h"
#include "shared/content/local.h"
#include "shared/keys/file_ring.h"
#include "shared/mime/model.h"
#include "shared/stage/handover.h"
#include "shared/stage/proto_time.h"
#include "shared/stage/topology.h"
#include "shared/testing/fake_clock.h"
#include "shared/testing/store/test_store.h"
#include "shared/testing/temporary_folder.h"
#include "shared/text/utf8.h"

namespace sekisho::notice {
namespace {

class WriterTest : public ::testing::Test {
 protected:
  WriterTest() {
    SEKISHO_CHECK(stage::MigrateStageTables(*database_, "policy").ok());
    letter_.to = "hanako@example.jp";
    letter_.subject = "送信できませんでした: 見積";
    letter_.text = "理由です。\n";
  }

  Status Publish(const SystemMail& mail) {
    return stage::Committer(around_, "policy").CommitAndWait([&](store::Tx& tx, stage::Outbox& outbox) {
      return mail.Publish(tx, outbox);
    });
  }
  // What came on `topic`, as its consumer reads it.
  template <typename Message>
  std::vector<Message> Read(bus::Topic topic, const std::string& consumer) {
    const auto subscription = *bus_->Subscribe(topic, consumer);
    const auto records = subscription->Fetch(10, Duration::zero());
    std::vector<Message> messages;
    for (const bus::Record& record : *records) {
      EXPECT_TRUE(stage::CheckHandOver(*keys_, topic, record.message, consumer).ok());
      const auto opened = keys_->Open(record.message.value, stage::ValueContext(topic, record.message.header.id));
      EXPECT_TRUE(opened.ok());
      EXPECT_TRUE(messages.emplace_back().ParseFromString(opened->plaintext));
    }
    return messages;
  }

  const testing::TemporaryFolder folder_;
  const testing::TestStore store_;
  testing::FakeClock clock_;
  WorkerPool workers_{"test", 1, 10};
  std::unique_ptr<keys::KeyRing> keys_ = *keys::OpenFileRing(folder_ / "ring", true);
  std::unique_ptr<store::Database> database_ = store_.Open();
  std::unique_ptr<bus::Bus> bus_ = *bus::OpenLocal(*database_, stage::ConsumerGroups());
  std::unique_ptr<content::Store> content_ =
      *content::OpenLocal({.folder = folder_ / "content"}, *database_, *keys_, clock_);
  const stage::Surroundings around_{*database_, *bus_, *keys_, clock_, workers_, "example"};
  const Writer writer_{{"gw.example.jp", "postmaster@example.jp", Language::kEnglish}, around_, *content_};
  const MailId about_ = MailId::Generate(clock_.Now());
  Letter letter_;
};

TEST_F(WriterTest, EntersAtSealedAsAMailOfItsOwn) {
  letter_.kind = mail::v1::SYSTEM_MAIL_PASSWORD;
  const auto mail = writer_.Write(letter_, about_);
  ASSERT_TRUE(mail.ok()) << mail.error().ToString();
  ASSERT_TRUE(Publish(*mail).ok());

  const auto parcels = Read<mail::v1::Parcel>(bus::Topic::kSealed, "delivery");
  ASSERT_EQ(parcels.size(), 1U);
  const mail::v1::Parcel& parcel = parcels[0];
  EXPECT_EQ(parcel.organization_id(), "example");
  EXPECT_EQ(parcel.mail_id(), mail->id.octets());
  EXPECT_NE(mail->id, about_);
  EXPECT_EQ(parcel.envelope().mail_from(), "");
  EXPECT_FALSE(parcel.envelope().smtputf8());
  EXPECT_FALSE(parcel.envelope().body_8bit());
  ASSERT_EQ(parcel.recipients_size(), 1);
  EXPECT_EQ(parcel.recipients(0).address(), "hanako@example.jp");
  EXPECT_THAT(parcel.recipients(0).notify(), ::testing::ElementsAre(mail::v1::Recipient::NOTIFY_NEVER));
  EXPECT_FALSE(parcel.has_judgement());
  EXPECT_EQ(parcel.submitter().kind(), mail::v1::Submitter::KIND_SYSTEM);
  EXPECT_EQ(parcel.system_mail(), mail::v1::SYSTEM_MAIL_PASSWORD);
  EXPECT_EQ(FromProto(parcel.accepted_at()), clock_.Now());

  const auto octets = content_->Read(parcel.content());
  ASSERT_TRUE(octets.ok());
  const auto header = mime::ParseHeader(**octets);
  ASSERT_TRUE(header.ok());
  EXPECT_EQ(header->message_id, "<" + mail->id.ToString() + "@gw.example.jp>");
  EXPECT_EQ(header->subject, letter_.subject);
  EXPECT_EQ(header->from.at(0).AddrSpec(), "postmaster@example.jp");
}

TEST_F(WriterTest, BeginsATimelineOfItsOwn) {
  const auto mail = writer_.Write(letter_, about_);
  ASSERT_TRUE(mail.ok());
  ASSERT_TRUE(Publish(*mail).ok());
  const auto events = Read<mail::v1::JournalEvent>(bus::Topic::kJournal, "ledger");
  ASSERT_EQ(events.size(), 1U);
  const mail::v1::JournalEvent& event = events[0];
  EXPECT_EQ(event.mail_id(), mail->id.octets());
  EXPECT_EQ(event.type(), "accepted");
  EXPECT_EQ(event.state(), mail::v1::RECIPIENT_STATE_ACCEPTED);
  EXPECT_THAT(event.recipients(), ::testing::ElementsAre("hanako@example.jp"));
  EXPECT_EQ(event.detail(), "notice about mail " + about_.ToString());
  EXPECT_EQ(event.system_mail(), mail::v1::SYSTEM_MAIL_NOTICE);
  EXPECT_EQ(event.content_sha256(), mail->parcel.content().sha256());
}

TEST_F(WriterTest, ATransactionThatFailsLeavesNothing) {
  content::ContentRef ref;
  {
    const auto mail = writer_.Write(letter_, about_);
    ASSERT_TRUE(mail.ok());
    ref = mail->parcel.content();
    const Status failed = stage::Committer(around_, "policy").CommitAndWait([&](store::Tx& tx, stage::Outbox& outbox) {
      EXPECT_TRUE(mail->Publish(tx, outbox).ok());
      return Status(MakeError(Code::kInternal, "what it tells of came to nothing"));
    });
    EXPECT_FALSE(failed.ok());
  }
  EXPECT_FALSE(content_->Read(ref).ok());
  EXPECT_TRUE(Read<mail::v1::Parcel>(bus::Topic::kSealed, "delivery").empty());
}

TEST_F(WriterTest, AsksOfTheNextHostOnlyWhatItNeeds) {
  letter_.to = "花子@example.jp";
  auto mail = writer_.Write(letter_, about_);
  ASSERT_TRUE(mail.ok());
  EXPECT_TRUE(mail->parcel.envelope().smtputf8());
  letter_.to = "hanako@example.jp";
  letter_.attachments = {{"original.eml", "message/rfc822", "From: a@example.jp\r\n\r\n本文\r\n", false, ""}};
  mail = writer_.Write(letter_, about_);
  ASSERT_TRUE(mail.ok());
  EXPECT_FALSE(mail->parcel.envelope().smtputf8());
  EXPECT_TRUE(mail->parcel.envelope().body_8bit());
}

TEST_F(WriterTest, ALetterThatNoMailCanHoldIsNotTriedAgain) {
  letter_.to = "nobody";
  const auto mail = writer_.Write(letter_, about_);
  ASSERT_FALSE(mail.ok());
  EXPECT_EQ(mail.error().code, Code::kInvalid);
  EXPECT_EQ(mail.error().retry, Retry::kNever);
}

TEST_F(WriterTest, SpeaksTheOrganisationsLanguageToWhoNamesNone) {
  config::v1::Organization organization;
  organization.add_domains("example.jp");
  organization.set_hostname("gw.example.jp");
  organization.set_default_language("en");
  const Writer english(OptionsOf(organization), around_, *content_);
  EXPECT_EQ(english.LanguageFor(""), Language::kEnglish);
  EXPECT_EQ(english.LanguageFor("ja"), Language::kJapanese);
  organization.set_default_language("ja");
  EXPECT_EQ(OptionsOf(organization).default_language, Language::kJapanese);
  EXPECT_EQ(OptionsOf(organization).from, "postmaster@example.jp");
}

}  // namespace
}  // namespace sekisho::notice
