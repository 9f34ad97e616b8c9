#include "shared/stage/tables.h"

#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <thread>

#include "shared/stage/stage.h"
#include "shared/testing/store/test_store.h"

namespace sekisho::stage {
namespace {

using std::chrono::hours;

constexpr Duration kDay = hours(24);
const TimePoint kStart = FromMicros(1'795'000'000'000'000);

// On PostgreSQL, opened by two replicas.
class StageTablesTest : public ::testing::Test {
 protected:
  StageTablesTest() {
    for (auto& replica : replicas_) {
      replica = store_->Open(2);
      SEKISHO_CHECK(MigrateStageTables(*replica, "probe").ok());
    }
  }
  bool Enters(const EventId& event, size_t replica = 0) {
    bool fresh = false;
    const Status status = replicas_[replica]->RunAndWait([&](store::Tx& tx) -> Status {
      SEKISHO_TRY(fresh, tables_.EnterInbox(tx, event));
      return Ok();
    });
    EXPECT_TRUE(status.ok()) << status.error().ToString();
    return fresh;
  }
  void Forget(TimePoint now) {
    const Status status = tables_.ForgetInbox(*replicas_[0], now);
    EXPECT_TRUE(status.ok()) << status.error().ToString();
  }
  // As another process would mint it: this one's ids never go back in time.
  static EventId EventAt(TimePoint time) {
    const uint64_t millis = static_cast<uint64_t>(ToMicros(time) / 1000);
    std::string octets(16, '\x7f');
    for (size_t i = 0; i < 6; ++i) octets[i] = static_cast<char>(millis >> (40 - 8 * i) & 0xff);
    return *EventId::FromOctets(octets);
  }
  Kept Record() {
    Kept kept;
    kept.event = EventId::Generate(kStart);
    kept.message.key = MailId::Generate(kStart);
    kept.message.header.id = kept.event;
    kept.message.value = "sealed";
    kept.at = kStart;
    return kept;
  }
  Status Run(const std::function<Status(store::Tx&)>& fn, size_t replica = 0) {
    return replicas_[replica]->RunAndWait(fn);
  }
  // Runs `fn` for both replicas at the same moment, `rounds` times; gives how often each said yes.
  int BothAtOnce(int rounds, const std::function<bool(int round, size_t replica)>& fn) {
    std::barrier<> together(2);
    std::atomic<int> yes{0};
    std::vector<std::thread> threads;
    for (size_t replica = 0; replica < 2; ++replica) {
      threads.emplace_back([&, replica] {
        for (int round = 0; round < rounds; ++round) {
          together.arrive_and_wait();
          if (fn(round, replica)) ++yes;
        }
      });
    }
    for (auto& thread : threads) thread.join();
    return yes;
  }

  const std::unique_ptr<testing::TestStore> store_ = testing::TestStore::Postgres();
  const Tables tables_{"probe"};
  std::unique_ptr<store::Database> replicas_[2];
};

TEST_F(StageTablesTest, AnEventEntersTheInboxOnceForAllReplicas) {
  constexpr int kRounds = 200;
  std::vector<EventId> events;
  for (int i = 0; i < kRounds; ++i) events.push_back(EventId::Generate(kStart + i * hours(1)));
  const int entered = BothAtOnce(
      kRounds, [&](int round, size_t replica) { return Enters(events[static_cast<size_t>(round)], replica); });
  EXPECT_EQ(entered, kRounds);
}

TEST_F(StageTablesTest, TheInboxRemembersLongerThanATopicAndForgetsAfterwards) {
  std::vector<EventId> events;
  for (int day = 0; day < 32; ++day) {
    events.push_back(EventAt(kStart + day * kDay));
    EXPECT_TRUE(Enters(events.back()));
    Forget(kStart + day * kDay);
    for (int earlier = std::max(0, day - 21); earlier <= day; ++earlier) {
      EXPECT_FALSE(Enters(events[static_cast<size_t>(earlier)])) << earlier << " on day " << day;
    }
  }
  const TimePoint now = kStart + 31 * kDay;
  EXPECT_FALSE(Enters(events[10]));
  EXPECT_TRUE(Enters(events[8])) << "its table was emptied";
  for (const int days : {1, 2, 5, 10}) {  // by clocks that go wrong
    const EventId ahead = EventAt(now + days * kDay + hours(1));
    EXPECT_TRUE(Enters(ahead));
    Forget(now);
    EXPECT_FALSE(Enters(ahead)) << days;
  }
}

TEST_F(StageTablesTest, OneReplicaTakesAParkedRecord) {
  constexpr int kRounds = 50;
  std::vector<Kept> parked;
  for (int i = 0; i < kRounds; ++i) {
    parked.push_back(Record());
    ASSERT_TRUE(Run([&](store::Tx& tx) { return tables_.PutParked(tx, parked.back()); }).ok());
  }
  const int taken = BothAtOnce(kRounds, [&](int round, size_t replica) {
    return Run(
               [&](store::Tx& tx) -> Status {
                 SEKISHO_TRY(const Kept kept, tables_.TakeParked(tx, parked[static_cast<size_t>(round)].event));
                 return Ok();
               },
               replica)
        .ok();
  });
  EXPECT_EQ(taken, kRounds);
}

TEST_F(StageTablesTest, OneReplicaLeasesAWaitingRecord) {
  constexpr size_t kRecords = 300;
  for (size_t i = 0; i < kRecords; ++i) {
    ASSERT_TRUE(Run([&](store::Tx& tx) { return tables_.PutWaiting(tx, Record()); }).ok());
  }
  std::atomic<size_t> leased{0};
  BothAtOnce(60, [&](int, size_t replica) {
    size_t mine = 0;
    EXPECT_TRUE(Run(
                    [&](store::Tx& tx) -> Status {
                      SEKISHO_TRY(const auto due,
                                  tables_.LeaseWaiting(tx, bus::Topic::kSubmitted, kStart, kStart + hours(1), 7));
                      mine = due.size();
                      return Ok();
                    },
                    replica)
                    .ok());
    EXPECT_LE(mine, 7u);
    leased += mine;
    return true;
  });
  EXPECT_EQ(leased, kRecords);
}

}  // namespace
}  // namespace sekisho::stage
