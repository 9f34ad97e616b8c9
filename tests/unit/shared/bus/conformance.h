#pragma once
// What every bus driver must do. A driver's test gives Harness and instantiates BusConformance with it.

#include <gtest/gtest.h>

#include <memory>
#include <set>

#include "shared/base/clock.h"
#include "shared/bus/bus.h"
#include "shared/bus/tail.h"
#include "tests/unit/shared/bus/messages.h"

namespace sekisho::bus {

// Opens (again) the same bus and database: Reopen is a restart.
class Harness {
 public:
  virtual ~Harness() = default;
  virtual void Reopen() = 0;
  virtual store::Database& database() = 0;
  virtual Bus& bus() = 0;
  virtual Result<std::unique_ptr<Tail>> OpenTail(size_t newest) = 0;  // of Topic::kSubmitted
};
using MakeHarness = std::unique_ptr<Harness> (*)();

class BusConformance : public ::testing::TestWithParam<MakeHarness> {
 protected:
  void SetUp() override { harness_ = GetParam()(); }

  Status Append(const Message& message) {
    return harness_->database().RunAndWait(
        [&](store::Tx& tx) { return harness_->bus().Append(tx, "intake", Topic::kSubmitted, message); });
  }
  std::unique_ptr<Consumer> Subscribe() {
    auto consumer = harness_->bus().Subscribe(Topic::kSubmitted, "policy");
    EXPECT_TRUE(consumer.ok());
    return *std::move(consumer);
  }
  // Fetches until `count` records are there.
  static std::vector<Record> Take(Consumer& consumer, size_t count) {
    std::vector<Record> all;
    for (int in_vain = 0; all.size() < count && in_vain < 200;) {
      auto some = consumer.Fetch(count - all.size(), std::chrono::milliseconds(100));
      EXPECT_TRUE(some.ok());
      if (some->empty()) ++in_vain;
      for (Record& record : *some) all.push_back(std::move(record));
    }
    return all;
  }
  Status Finish(Consumer& consumer, const std::vector<Position>& positions) {
    SEKISHO_RETURN_IF_ERROR(
        harness_->database().RunAndWait([&](store::Tx& tx) { return consumer.Finish(tx, positions); }));
    consumer.Finished(positions);
    return Ok();
  }
  static std::vector<std::string> Values(const std::vector<Record>& records) {
    std::vector<std::string> values;
    for (const Record& record : records) values.push_back(record.message.value);
    return values;
  }

  std::unique_ptr<Harness> harness_;
};

TEST_P(BusConformance, GivesWhatWasAppendedWhole) {
  auto consumer = Subscribe();
  const Message message = MakeMessage(std::string("a\0b", 3));
  ASSERT_TRUE(Append(message).ok());
  const auto records = Take(*consumer, 1);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].message.value, message.value);
  EXPECT_EQ(records[0].message.key, message.key);
  EXPECT_EQ(records[0].message.header.id, message.header.id);
  EXPECT_EQ(records[0].message.header.source, "intake");
  EXPECT_EQ(records[0].message.header.time, message.header.time);
  EXPECT_EQ(records[0].message.header.macs, message.header.macs);
}

TEST_P(BusConformance, ATailShowsTheNewestAndWhatComesAndTakesNothing) {
  auto consumer = Subscribe();
  for (const char* value : {"a", "b", "c"}) ASSERT_TRUE(Append(MakeMessage(value)).ok());
  const auto given = Take(*consumer, 3);  // now they are there
  ASSERT_EQ(given.size(), 3u);

  auto tail = harness_->OpenTail(2);
  ASSERT_TRUE(tail.ok()) << tail.error().ToString();
  EXPECT_FALSE((*tail)->caught_up());
  const auto read = [&](size_t count) {
    std::vector<Record> all;
    for (int in_vain = 0; (all.size() < count || !(*tail)->caught_up()) && in_vain < 20'000; ++in_vain) {
      auto some = (*tail)->Next(10);
      EXPECT_TRUE(some.ok());
      for (Record& record : *some) all.push_back(std::move(record));
    }
    return all;
  };
  const auto newest = read(2);
  EXPECT_EQ(Values(newest), (std::vector<std::string>{"b", "c"}));
  EXPECT_EQ(newest.back().message.header.id, given.back().message.header.id);
  EXPECT_EQ(newest.back().position, given.back().position);

  ASSERT_TRUE(Append(MakeMessage("d")).ok());
  EXPECT_EQ(Values(read(1)), std::vector<std::string>{"d"});
  // The group has it as well, and all of them again after a restart: nobody finished them.
  EXPECT_EQ(Values(Take(*consumer, 1)), std::vector<std::string>{"d"});
  tail->reset();
  consumer.reset();
  harness_->Reopen();
  consumer = Subscribe();
  EXPECT_EQ(Take(*consumer, 4).size(), 4u);
}

TEST_P(BusConformance, ATailOfAnEmptyTopicIsCaughtUp) {
  auto tail = harness_->OpenTail(10);
  ASSERT_TRUE(tail.ok()) << tail.error().ToString();
  EXPECT_TRUE((*tail)->caught_up());
  EXPECT_TRUE((*tail)->Next(10)->empty());
}

TEST_P(BusConformance, WhatATransactionUndoesIsNeverSeen) {
  auto consumer = Subscribe();
  EXPECT_FALSE(harness_->database()
                   .RunAndWait([&](store::Tx& tx) -> Status {
                     SEKISHO_RETURN_IF_ERROR(
                         harness_->bus().Append(tx, "intake", Topic::kSubmitted, MakeMessage("no")));
                     return MakeError(Code::kInvalid, "undone");
                   })
                   .ok());
  ASSERT_TRUE(Append(MakeMessage("yes")).ok());
  EXPECT_EQ(Values(Take(*consumer, 1)), std::vector<std::string>{"yes"});
}

TEST_P(BusConformance, KeepsTheOrderOfOneKey) {
  auto consumer = Subscribe();
  Message message = MakeMessage("");
  std::vector<std::string> sent;
  for (int i = 0; i < 300; ++i) {
    message.value = std::to_string(i);
    message.header.id = EventId::Generate(SystemClock().Now());
    sent.push_back(message.value);
    ASSERT_TRUE(Append(message).ok());
  }
  EXPECT_EQ(Values(Take(*consumer, 300)), sent);
}

TEST_P(BusConformance, AfterARestartGivesTheUnfinishedAgain) {
  for (const char* value : {"1", "2", "3", "4"}) ASSERT_TRUE(Append(MakeMessage(value)).ok());
  {
    auto consumer = Subscribe();
    const auto records = Take(*consumer, 4);
    ASSERT_EQ(records.size(), 4u);
    ASSERT_TRUE(Finish(*consumer, {records[0].position, records[2].position}).ok());
  }
  harness_->Reopen();
  auto consumer = Subscribe();
  const auto again = Values(Take(*consumer, 2));
  const std::set<std::string> values(again.begin(), again.end());
  EXPECT_TRUE(values.contains("2"));
  if (consumer->finishes_atomically()) {
    EXPECT_EQ(values, (std::set<std::string>{"2", "4"}));
  }
}

TEST_P(BusConformance, AnOffsetWhoseTransactionFailsDoesNotMove) {
  ASSERT_TRUE(Append(MakeMessage("1")).ok());
  {
    auto consumer = Subscribe();
    const auto records = Take(*consumer, 1);
    ASSERT_EQ(records.size(), 1u);
    const std::vector<Position> positions{records[0].position};
    EXPECT_FALSE(harness_->database()
                     .RunAndWait([&](store::Tx& tx) -> Status {
                       SEKISHO_RETURN_IF_ERROR(consumer->Finish(tx, positions));
                       return MakeError(Code::kInvalid, "undone");
                     })
                     .ok());
  }
  harness_->Reopen();
  auto consumer = Subscribe();
  EXPECT_EQ(Values(Take(*consumer, 1)), std::vector<std::string>{"1"});
}

TEST_P(BusConformance, FinishedRecordsMakeRoomAndNumbersGoOn) {
  for (int round = 0; round < 3; ++round) {
    {
      auto consumer = Subscribe();
      for (int i = 0; i < 700; ++i) ASSERT_TRUE(Append(MakeMessage(std::to_string(i))).ok());
      const auto records = Take(*consumer, 700);
      ASSERT_EQ(records.size(), 700u);
      std::vector<Position> positions;
      for (const Record& record : records) positions.push_back(record.position);
      ASSERT_TRUE(Finish(*consumer, positions).ok());
      EXPECT_EQ(consumer->lag().depth, 0u);
    }
    harness_->Reopen();
  }
  auto consumer = Subscribe();
  ASSERT_TRUE(Append(MakeMessage("last")).ok());
  EXPECT_EQ(Values(Take(*consumer, 1)), std::vector<std::string>{"last"});
}

TEST_P(BusConformance, TellsDepthAndAge) {
  auto consumer = Subscribe();
  EXPECT_EQ(consumer->lag().depth, 0u);
  const Message message = MakeMessage("1");
  ASSERT_TRUE(Append(message).ok());
  const auto records = Take(*consumer, 1);
  EXPECT_EQ(consumer->lag().depth, 1u);
  EXPECT_EQ(consumer->depth(), 1u);
  EXPECT_EQ(consumer->lag().oldest, message.header.time);
  ASSERT_TRUE(Finish(*consumer, {records[0].position}).ok());
  EXPECT_EQ(consumer->lag().depth, 0u);
}

TEST_P(BusConformance, StopWakesTheFetcher) {
  auto consumer = Subscribe();
  consumer->Stop();
  const auto records = consumer->Fetch(1, std::chrono::minutes(10));
  ASSERT_TRUE(records.ok());
  EXPECT_TRUE(records->empty());
}

}  // namespace sekisho::bus
