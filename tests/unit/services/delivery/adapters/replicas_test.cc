// Two processes of delivery on one PostgreSQL database, each of which is given every record.

#include <atomic>
#include <map>
#include <set>
#include <thread>

#include "shared/base/random.h"
#include "shared/testing/store/table_bus.h"
#include "tests/unit/services/delivery/adapters/harness.h"

namespace sekisho::delivery {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

class ReplicasTest : public QueueTest {
 protected:
  // This process's own storage: that of whoever hands mails over.
  ReplicasTest() {
    CloseStorage();
    database_ = postgres_->Open(4);
    bus_ = std::make_unique<testing::TableBus>(*database_);
    content_ = *content::OpenLocal({.folder = folder_ / "content"}, *database_, *keys_, clock_);
    around_ =
        std::make_unique<stage::Surroundings>(stage::Surroundings{*database_, *bus_, *keys_, clock_, pool_, "example"});
  }
  ~ReplicasTest() override {
    replicas_.clear();
    CloseStorage();
  }

  struct Replica {
    std::unique_ptr<store::Database> database;
    std::unique_ptr<bus::Bus> bus;
    std::unique_ptr<content::Store> content;
    std::unique_ptr<stage::Surroundings> around;
    std::unique_ptr<Engine> engine;
    ~Replica() {
      if (engine) engine->Drain(std::chrono::seconds(20));
      engine.reset();
      content.reset();
      if (database) database->Stop();
    }
  };
  void StartReplica() {
    auto replica = std::make_unique<Replica>();
    replica->database = postgres_->Open(2);
    replica->bus = std::make_unique<testing::TableBus>(*replica->database);
    replica->content = *content::OpenLocal({.folder = folder_ / ("content-" + std::to_string(replicas_.size()))},
                                           *replica->database, *keys_, clock_);
    replica->around = std::make_unique<stage::Surroundings>(
        stage::Surroundings{*replica->database, *replica->bus, *keys_, clock_, pool_, "example"});
    Engine::Options options{.routes = *RouteTable::Make(config_),
                            .schedule = {},
                            .limits = limits_,
                            .notices = {"gate.example.jp", "postmaster@example.jp"}};
    replica->engine =
        std::make_unique<Engine>(std::move(options), *replica->around, *replica->content, signer_, world_, metrics_);
    const Status started = replica->engine->Start();
    ASSERT_TRUE(started.ok()) << started.error().ToString();
    replicas_.push_back(std::move(replica));
  }
  // How often each recipient came to its end so, as the outcomes say.
  std::map<std::string, std::map<mail::v1::RecipientState, int>> Outcomes() {
    std::map<std::string, std::map<mail::v1::RecipientState, int>> ends;
    const auto records = static_cast<testing::TableBus&>(*bus_).Read(bus::Topic::kOutcome);
    for (const bus::Record& record : *records) {
      mail::v1::Outcome outcome;
      SEKISHO_CHECK(outcome.ParseFromString(OpenRecord(record)));
      if (outcome.system_mail() != mail::v1::SYSTEM_MAIL_UNSPECIFIED) continue;
      for (const std::string& address : outcome.recipients()) ++ends[address][outcome.state()];
    }
    return ends;
  }
  // Whose recall came too late, as the journal says.
  std::set<std::string> TooLate() {
    std::set<std::string> addresses;
    const auto records = static_cast<testing::TableBus&>(*bus_).Read(bus::Topic::kJournal);
    for (const bus::Record& record : *records) {
      mail::v1::JournalEvent event;
      SEKISHO_CHECK(event.ParseFromString(OpenRecord(record)));
      if (event.type() == "recall_too_late") addresses.insert(event.recipients().begin(), event.recipients().end());
    }
    return addresses;
  }
  void LetTimePass(Duration by) {
    clock_.Advance(by);
    for (const auto& replica : replicas_) replica->engine->dispatcher().Wake();
  }

  const std::unique_ptr<testing::TestStore> postgres_ = testing::TestStore::Postgres();
  std::vector<std::unique_ptr<Replica>> replicas_;
};

TEST_F(ReplicasTest, SendEachMailOnce) {
  constexpr size_t kMails = 100;
  StartReplica();
  StartReplica();
  for (size_t i = 0; i < kMails; ++i) Send({"r" + std::to_string(i) + "@customer.example"});
  Await([&] { return Outcomes().size() == kMails; }, "all came to an end");
  for (const auto& [address, ends] : Outcomes()) {
    EXPECT_EQ(ends, (std::map<mail::v1::RecipientState, int>{{mail::v1::RECIPIENT_STATE_DELIVERED, 1}})) << address;
    EXPECT_EQ(world_.received()[address], 1) << address;
  }
  EXPECT_EQ(Rows(), 0);
}

// A recall races the arrival of its mail, the claim of what waits, and what is being sent.
TEST_F(ReplicasTest, NeverSendWhatIsRecalledNorRecallWhatIsSent) {
  constexpr size_t kMails = 300, kLag = 8;
  std::atomic<bool> takes{false};
  world_.OnSend("customer.example", [&](const Batch& batch) {
    return takes ? FakeWorld::Taken(batch) : FakeWorld::All(batch, Says(451, "4.3.0", "later"));
  });
  StartReplica();
  StartReplica();
  std::vector<Mail> mails;
  std::vector<std::string> addresses;
  for (size_t i = 0; i < kMails; ++i) {
    addresses.push_back("r" + std::to_string(i) + "@customer.example");
    mails.push_back(Compose({addresses.back()}));
  }
  std::atomic<size_t> handed_over{0};
  std::thread sender([&] {
    for (const Mail& mail : mails) {
      Publish(mail);
      ++handed_over;
      LetTimePass(seconds(10));  // some of what waits becomes due
    }
  });
  std::thread recaller([&] {
    for (size_t i = 0; i < kMails; ++i) {
      const size_t after = i < kLag ? i : i - RandomBelow(kLag) + 1;  // just before its mail, or up to some later
      while (handed_over < std::min(kMails, after + RandomBelow(kLag))) std::this_thread::yield();
      Recall(mails[i]);
    }
  });
  sender.join();
  recaller.join();
  Await(
      [&] {
        for (const auto& replica : replicas_) {
          for (const auto& queue : replica->engine->stage().Queues()) {
            if (queue.depth() + queue.in_flight() + queue.waiting() > 0) return false;
          }
        }
        return true;
      },
      "all records are finished");
  // No recall was lost: what waits still was being sent when it came.
  const std::set<std::string> too_late = TooLate();
  auto ended = Outcomes();
  for (const std::string& address : addresses) {
    EXPECT_NE(too_late.contains(address), ended.contains(address)) << address;
  }
  takes = true;
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (Outcomes().size() < kMails) {
    ASSERT_LT(std::chrono::steady_clock::now(), give_up) << Outcomes().size() << " ended";
    LetTimePass(minutes(2));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  auto received = world_.received();
  size_t recalled = 0;
  for (const auto& [address, ends] : Outcomes()) {
    ASSERT_EQ(ends.size(), 1u) << address;
    ASSERT_EQ(ends.begin()->second, 1) << address;
    const bool taken_back = ends.contains(mail::v1::RECIPIENT_STATE_RECALLED);
    recalled += taken_back ? 1 : 0;
    EXPECT_EQ(received[address], taken_back ? 0 : 1) << address;
  }
  EXPECT_EQ(Rows(), 0);
  EXPECT_GT(recalled, 0u);
  EXPECT_LT(recalled, kMails);
  EXPECT_EQ(Counter("sekisho_delivery_possible_duplicates_total"), 0);
}

TEST_F(ReplicasTest, TheClaimsOfOneThatDiedAreTakenOverByAnother) {
  world_.Hold();
  StartReplica();
  Send({"dead@customer.example"});
  Await([&] { return world_.held() == 1; }, "one is being sent");
  StartReplica();
  Engine& other = *replicas_[1]->engine;
  EXPECT_EQ(*other.TakeOverDead(), 0u) << "it lives";
  static const store::Statement die("DELETE FROM {delivery.owner}");
  ASSERT_TRUE(database_
                  ->RunAndWait([](store::Tx& tx) -> Status {
                    SEKISHO_RETURN_IF_ERROR(tx.Execute(die, {}));
                    return Ok();
                  })
                  .ok());
  EXPECT_EQ(*other.TakeOverDead(), 0u) << "it may only have been unable to renew";
  EXPECT_EQ(*other.TakeOverDead(), 1u);
  EXPECT_EQ(*other.TakeOverDead(), 0u);
  world_.Go();  // the first one's peer answers after all: what it says counts no more
  Await([&] { return Counter("sekisho_delivery_lost_claims_total") == 1; }, "the claim is lost");
  ASSERT_TRUE(other.dispatcher().Refresh().ok());
  Await([&] { return Outcomes()["dead@customer.example"][mail::v1::RECIPIENT_STATE_DELIVERED] == 1; }, "sent again");
  EXPECT_EQ(Counter("sekisho_delivery_possible_duplicates_total"), 1);
}

}  // namespace
}  // namespace sekisho::delivery
