// Two processes of approval on one PostgreSQL database, each of which is given every record.

#include <atomic>
#include <map>
#include <thread>

#include "shared/base/random.h"
#include "shared/testing/store/table_bus.h"
#include "tests/unit/services/approval/approval_fixture.h"

namespace sekisho::approval {
namespace {

class ApprovalReplicasTest : public ApprovalFixture {
 protected:
  // This process's own storage: that of policy and intake.
  ApprovalReplicasTest() {
    Close();
    database_ = postgres_->Open(4);
    bus_ = std::make_unique<testing::TableBus>(*database_);
    content_ = *content::OpenLocal({.folder = folder_ / "content"}, *database_, *keys_, clock_);
    around_ = std::make_unique<stage::Surroundings>(
        stage::Surroundings{*database_, *bus_, *keys_, clock_, workers_, "example"});
    for (auto& replica : replicas_) {
      replica.database = postgres_->Open(2);
      replica.bus = std::make_unique<testing::TableBus>(*replica.database);
      const std::string own = folder_ / (&replica == replicas_ ? "content-a" : "content-b");
      replica.content = *content::OpenLocal({.folder = own}, *replica.database, *keys_, clock_);
      replica.around = std::make_unique<stage::Surroundings>(
          stage::Surroundings{*replica.database, *replica.bus, *keys_, clock_, workers_, "example"});
      replica.app =
          std::make_unique<App>(config_, *replica.around, *replica.content, *directory_, *authenticator_, metrics_);
      SEKISHO_CHECK(replica.app->Start().ok());
    }
  }
  ~ApprovalReplicasTest() override {
    for (auto& replica : replicas_) {
      replica.app.reset();
      replica.content.reset();
      replica.database->Stop();
    }
    Close();
  }

  // How often each mail was handed on to delivery, and how often it was said to be recalled.
  struct Ends {
    int handed_on = 0, recalled = 0;
  };
  std::map<std::string, Ends> AllEnds() {
    std::map<std::string, Ends> ends;
    const auto open = [&](const bus::Record& record, google::protobuf::MessageLite& message) {
      SEKISHO_CHECK(message.ParseFromString(
          keys_->Open(record.message.value, stage::ValueContext(record.topic, record.message.header.id))->plaintext));
    };
    const auto& bus = static_cast<testing::TableBus&>(*bus_);
    const auto sealed = bus.Read(bus::Topic::kSealed), outcomes = bus.Read(bus::Topic::kOutcome);
    for (const bus::Record& record : *sealed) {
      mail::v1::Parcel parcel;
      open(record, parcel);
      if (parcel.system_mail() == mail::v1::SYSTEM_MAIL_UNSPECIFIED) ++ends[parcel.mail_id()].handed_on;
    }
    for (const bus::Record& record : *outcomes) {
      mail::v1::Outcome outcome;
      open(record, outcome);
      EXPECT_EQ(outcome.state(), mail::v1::RECIPIENT_STATE_RECALLED);
      ++ends[outcome.mail_id()].recalled;
    }
    return ends;
  }

  struct Replica {
    std::unique_ptr<store::Database> database;
    std::unique_ptr<testing::TableBus> bus;
    std::unique_ptr<content::Store> content;
    std::unique_ptr<stage::Surroundings> around;
    std::unique_ptr<App> app;
  };
  const std::unique_ptr<testing::TestStore> postgres_ = testing::TestStore::Postgres();
  Replica replicas_[2];
};

// Recalls race the arrival of a parcel and, in both processes, the end of its hold.
TEST_F(ApprovalReplicasTest, ReleaseOrRecallEachParcelOnce) {
  constexpr size_t kMails = 150;
  std::vector<Mail> mails;
  for (size_t i = 0; i < kMails; ++i) {
    mails.push_back(MakeMail(mail::v1::HOLD_CLASS_TIMED));
    // Every other one is recalled as it arrives, and held for longer than the test takes.
    if (i % 2 == 0) mails[i].judgement.mutable_treatment()->mutable_hold_for()->set_seconds(7200);
  }
  std::atomic<size_t> handed_over{0};
  std::thread policy([&] {
    for (Mail& mail : mails) {
      Judge(mail);
      ++handed_over;
      clock_.Advance(std::chrono::seconds(10));  // a hold ends 18 mails later
    }
  });
  std::thread sender([&] {
    for (size_t i = 0; i < kMails; ++i) {
      const size_t later = i % 2 == 0 ? RandomBelow(2) : 16 + RandomBelow(5);
      while (handed_over < std::min(kMails, i + later)) std::this_thread::yield();
      Ask(mails[i], mail::v1::Control::ACTION_RECALL);
    }
  });
  policy.join();
  sender.join();
  clock_.Advance(std::chrono::minutes(4));
  Await([&] { return AllEnds().size() == kMails; }, "all went on or were recalled");
  auto all = AllEnds();
  for (size_t i = 0; i < kMails; ++i) {
    const Ends& ends = all[mails[i].parcel.mail_id()];
    ASSERT_EQ(ends.handed_on + ends.recalled, 1) << ends.handed_on << " times on, " << ends.recalled << " recalled";
  }
  for (const auto& replica : replicas_) EXPECT_TRUE(replica.app->stage().Parked()->empty());
}

}  // namespace
}  // namespace sekisho::approval
