// The outbox and its relays: what is committed is published, whatever dies and whenever the broker is there.

#include <functional>
#include <map>
#include <set>
#include <thread>

#include "shared/base/failpoint.h"
#include "tests/integration/kafka_harness.h"

namespace sekisho::bus {
namespace {

using std::chrono::milliseconds;

// `count` records of one transaction, from value `first` on, for the mails of `keys` in turn.
void Append(KafkaHarness& harness, const std::vector<MailId>& keys, int first, int count) {
  ASSERT_TRUE(harness.database()
                  .RunAndWait([&](store::Tx& tx) -> Status {
                    for (int i = first; i < first + count; ++i) {
                      SEKISHO_RETURN_IF_ERROR(harness.bus().Append(
                          tx, "intake", Topic::kSubmitted,
                          MakeMessage(std::to_string(i), keys[static_cast<size_t>(i) % keys.size()])));
                    }
                    return Ok();
                  })
                  .ok());
}

std::vector<MailId> Keys(int count) {
  std::vector<MailId> keys;
  for (int i = 0; i < count; ++i) keys.push_back(MailId::Generate(SystemClock().Now()));
  return keys;
}

// Fetches until `enough`, or for half a minute in vain.
std::vector<Record> TakeUntil(Consumer& consumer, const std::function<bool(const std::vector<Record>&)>& enough) {
  std::vector<Record> all;
  for (int in_vain = 0; !enough(all) && in_vain < 300;) {
    const auto some = consumer.Fetch(64, milliseconds(100));
    if (!some.ok() || some->empty()) {
      ++in_vain;
      continue;
    }
    all.insert(all.end(), some->begin(), some->end());
  }
  return all;
}

std::map<std::string, std::vector<EventId>> IdsByValue(const std::vector<Record>& records) {
  std::map<std::string, std::vector<EventId>> ids;
  for (const Record& record : records) ids[record.message.value].push_back(record.message.header.id);
  return ids;
}

// Asks until the outbox is so, for half a minute at most.
void AwaitOutbox(KafkaHarness& harness, const char* what, const std::function<bool(const KafkaBus::Outbox&)>& is_so) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  for (;;) {
    const auto outboxes = harness.bus().outboxes();
    ASSERT_TRUE(outboxes.ok());
    if (is_so(outboxes->at(0))) return;
    ASSERT_LT(std::chrono::steady_clock::now(), give_up) << what << "; depth " << outboxes->at(0).depth;
    std::this_thread::yield();
  }
}

// Until the last deletion is durable.
void AwaitEmpty(KafkaHarness& harness) {
  AwaitOutbox(harness, "the outbox becomes empty", [](const auto& outbox) { return outbox.depth == 0; });
}

TEST(KafkaOutboxTest, ABrokerThatDiesInTheMiddleLosesNothingAndKeepsTheOrder) {
  KafkaHarness harness(OptionsFor(FreshPrefix()));
  auto consumer = *harness.bus().Subscribe(Topic::kSubmitted, "policy");
  const auto keys = Keys(1);
  for (int i = 0; i < 200; ++i) Append(harness, keys, i, 1);
  TheBroker().Kill();
  for (int i = 200; i < 400; ++i) Append(harness, keys, i, 1);  // nobody who commits waits for the broker
  EXPECT_GE(harness.bus().outboxes()->at(0).depth, 200u);
  TheBroker().Start();
  for (int i = 400; i < 600; ++i) Append(harness, keys, i, 1);
  const auto records = TakeUntil(*consumer, [](const auto& all) { return IdsByValue(all).size() == 600; });
  std::set<int> seen;
  for (const Record& record : records) {
    const int value = std::stoi(record.message.value);
    if (!seen.insert(value).second) continue;
    EXPECT_EQ(value, static_cast<int>(seen.size()) - 1) << "out of order";
  }
  EXPECT_EQ(seen.size(), 600u) << "depth " << consumer->lag().depth << ", outbox "
                               << harness.bus().outboxes()->at(0).depth << " "
                               << harness.bus().outboxes()->at(0).trouble;
  for (const auto& [value, ids] : IdsByValue(records)) {
    EXPECT_EQ(std::set<EventId>(ids.begin(), ids.end()).size(), 1u) << value << " has two event ids";
  }
  AwaitEmpty(harness);
}

TEST(KafkaOutboxTest, AConsumerGoesOnAfterAnOutageThatOutlastsItsSession) {
  KafkaOptions options = OptionsFor(FreshPrefix());
  options.session = std::chrono::seconds(3);
  KafkaHarness harness(options);
  auto consumer = *harness.bus().Subscribe(Topic::kSubmitted, "policy");
  Append(harness, Keys(1), 0, 20);
  const auto records = TakeUntil(*consumer, [](const auto& all) { return all.size() >= 20; });
  ASSERT_EQ(records.size(), 20u);
  TheBroker().Kill();
  // Work ends late in the session: what is to be committed waits for the broker while the session ends.
  EXPECT_TRUE(consumer->Fetch(1, std::chrono::seconds(2))->empty());
  consumer->Finished(std::vector<Position>{records[0].position, records[1].position});
  TheBroker().Start();
  Append(harness, Keys(1), 20, 20);
  const auto more = TakeUntil(*consumer, [](const auto& all) { return IdsByValue(all).contains("39"); });
  EXPECT_TRUE(IdsByValue(more).contains("39"));
}

TEST(KafkaOutboxTest, StartsAndTakesRecordsWhileTheBrokerIsAway) {
  KafkaHarness harness(OptionsFor(FreshPrefix()));
  TheBroker().Stop();
  harness.Reopen();
  Append(harness, Keys(1), 0, 10);
  auto consumer = *harness.bus().Subscribe(Topic::kSubmitted, "policy");
  const auto none = consumer->Fetch(1, std::chrono::seconds(20));
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().code, Code::kUnavailable);
  const auto outboxes = harness.bus().outboxes();
  ASSERT_TRUE(outboxes.ok());
  EXPECT_EQ(outboxes->at(0).depth, 10u);
  EXPECT_TRUE(outboxes->at(0).oldest.has_value());
  // The relay learns of it by itself, perhaps a moment after the consumer.
  AwaitOutbox(harness, "the relay's trouble is told", [](const auto& outbox) { return !outbox.trouble.empty(); });
  TheBroker().Start();
  EXPECT_EQ(TakeUntil(*consumer, [](const auto& all) { return all.size() >= 10; }).size(), 10u);
  AwaitEmpty(harness);
}

TEST(KafkaOutboxTest, DyingBetweenAcknowledgementAndDeletionRepeatsWithTheSameEventId) {
  KafkaHarness harness(OptionsFor(FreshPrefix()));
  ASSERT_TRUE(ArmFailpoints("bus.published=error@1").ok());
  Append(harness, Keys(3), 0, 10);
  auto consumer = *harness.bus().Subscribe(Topic::kSubmitted, "policy");
  const auto records = TakeUntil(*consumer, [](const auto& all) { return all.size() >= 20; });
  ASSERT_TRUE(ArmFailpoints("").ok());
  ASSERT_EQ(records.size(), 20u);
  const auto ids = IdsByValue(records);
  EXPECT_EQ(ids.size(), 10u);
  for (const auto& [value, of_value] : ids) {
    ASSERT_EQ(of_value.size(), 2u) << value;
    EXPECT_EQ(of_value[0], of_value[1]) << value;
  }
  AwaitEmpty(harness);
}

TEST(KafkaOutboxTest, FewerShardsThanBeforeLeaveNoRowBehind) {
  // Four shards, while the broker is away; then one.
  KafkaOptions options = OptionsFor(FreshPrefix(), 4);
  options.shards = 4;
  KafkaHarness harness(options);
  TheBroker().Kill();
  Append(harness, Keys(40), 0, 200);
  harness.options().shards = 1;
  harness.Reopen();
  TheBroker().Start();
  auto consumer = *harness.bus().Subscribe(Topic::kSubmitted, "policy");
  const auto records = TakeUntil(*consumer, [](const auto& all) { return IdsByValue(all).size() == 200; });
  EXPECT_EQ(IdsByValue(records).size(), 200u);
  AwaitEmpty(harness);
}

TEST(KafkaOutboxTest, PublishesAShardOnlyWithItsLock) {
  struct Lock final : ShardLock {
    std::atomic<bool> free = false;
    std::atomic<int> asked = 0, released = 0;
    bool Hold(std::string_view, int) override {
      ++asked;
      return free;
    }
    void Release(std::string_view, int) override { ++released; }
  } lock;
  KafkaOptions options = OptionsFor(FreshPrefix());
  options.shard_lock = &lock;
  {
    KafkaHarness harness(options);
    Append(harness, Keys(1), 0, 5);
    auto consumer = *harness.bus().Subscribe(Topic::kSubmitted, "policy");
    EXPECT_TRUE(TakeUntil(*consumer, [&](const auto&) { return lock.asked >= 3; }).empty());
    lock.free = true;
    EXPECT_EQ(TakeUntil(*consumer, [](const auto& all) { return all.size() >= 5; }).size(), 5u);
  }
  EXPECT_EQ(lock.released, 1);
}

TEST(KafkaOutboxTest, ADeadLetterOfADamagedRecordArrivesThoughItHasNoValueAndNoMail) {
  KafkaHarness harness(OptionsFor(FreshPrefix()));
  Message letter = MakeMessage("", MailId());
  letter.header.causation = IdOfPosition(Topic::kJudged, {3, 7});
  letter.header.dead_letter = DeadLetter{Topic::kJudged, letter.header.causation, "", "corrupt", 1};
  ASSERT_TRUE(
      harness.database()
          .RunAndWait([&](store::Tx& tx) { return harness.bus().Append(tx, "intake", Topic::kDeadLetter, letter); })
          .ok());
  auto consumer = *harness.bus().Subscribe(Topic::kDeadLetter, "watcher");
  const auto records = TakeUntil(*consumer, [](const auto& all) { return !all.empty(); });
  ASSERT_EQ(records.size(), 1u);
  EXPECT_FALSE(records[0].damage.has_value());
  EXPECT_EQ(records[0].message.value, "");
  EXPECT_TRUE(records[0].message.key.is_nil());
  EXPECT_EQ(records[0].message.header.causation, letter.header.causation);
  EXPECT_EQ(records[0].message.header.dead_letter, letter.header.dead_letter);
  AwaitEmpty(harness);
}

TEST(KafkaOutboxTest, RefusesWhatTheBrokerWouldRefuseBeforeItIsCommitted) {
  KafkaHarness harness(OptionsFor(FreshPrefix()));
  const Message message = MakeMessage(std::string(1'000'000, 'x'));
  const Status status = harness.database().RunAndWait(
      [&](store::Tx& tx) { return harness.bus().Append(tx, "intake", Topic::kSubmitted, message); });
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, Code::kLimit);
}

}  // namespace
}  // namespace sekisho::bus
