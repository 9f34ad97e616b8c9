// Consumers: groups that change while work is in hand, records nobody can read, a stage that is slow.

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <set>

#include "shared/base/handle.h"
#include "tests/integration/kafka_harness.h"

namespace sekisho::bus {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Client = Handle<rd_kafka_t, rd_kafka_destroy>;

// Values "0", "1", …, in one transaction, each with a key of its own.
void Append(KafkaHarness& harness, int count) {
  ASSERT_TRUE(harness.database()
                  .RunAndWait([&](store::Tx& tx) -> Status {
                    for (int i = 0; i < count; ++i) {
                      SEKISHO_RETURN_IF_ERROR(
                          harness.bus().Append(tx, "intake", Topic::kSubmitted, MakeMessage(std::to_string(i))));
                    }
                    return Ok();
                  })
                  .ok());
}

std::vector<Record> Take(Consumer& consumer, size_t count) {
  std::vector<Record> all;
  for (int in_vain = 0; all.size() < count && in_vain < 300;) {
    auto some = consumer.Fetch(count - all.size(), milliseconds(100));
    EXPECT_TRUE(some.ok());
    if (some->empty()) ++in_vain;
    for (Record& record : *some) all.push_back(std::move(record));
  }
  return all;
}

std::vector<Position> Positions(const std::vector<Record>& records) {
  std::vector<Position> positions;
  for (const Record& record : records) positions.push_back(record.position);
  return positions;
}

Client PlainClient(rd_kafka_type_t type, const std::string& group = "none") {
  rd_kafka_conf_t* const settings = rd_kafka_conf_new();
  for (const auto& [name, value] :
       {std::pair<const char*, std::string>{"bootstrap.servers", TheBroker().servers()}, {"group.id", group}}) {
    if (type == RD_KAFKA_PRODUCER && std::string_view(name) == "group.id") continue;
    SEKISHO_CHECK(rd_kafka_conf_set(settings, name, value.c_str(), nullptr, 0) == RD_KAFKA_CONF_OK);
  }
  return Client(rd_kafka_new(type, settings, nullptr, 0));
}

// What the group has committed, for each partition; 0 where nothing.
std::vector<int64_t> Committed(const std::string& prefix, int partitions) {
  const Client client = PlainClient(RD_KAFKA_CONSUMER, prefix + ".policy.submitted");
  rd_kafka_topic_partition_list_t* const list = rd_kafka_topic_partition_list_new(partitions);
  for (int i = 0; i < partitions; ++i) rd_kafka_topic_partition_list_add(list, (prefix + ".submitted.v1").c_str(), i);
  EXPECT_EQ(rd_kafka_committed(client.get(), list, 10'000), RD_KAFKA_RESP_ERR_NO_ERROR);
  std::vector<int64_t> offsets;
  for (int i = 0; i < partitions; ++i) offsets.push_back(std::max<int64_t>(0, list->elems[i].offset));
  rd_kafka_topic_partition_list_destroy(list);
  return offsets;
}

// A record as a broken or hostile producer might write it.
void WriteRaw(const std::string& topic, const std::string& key,
              const std::vector<std::pair<std::string, std::string>>& headers) {
  const Client client = PlainClient(RD_KAFKA_PRODUCER);
  rd_kafka_headers_t* const named = rd_kafka_headers_new(headers.size());
  for (const auto& [name, value] : headers) {
    rd_kafka_header_add(named, name.c_str(), -1, value.data(), static_cast<ssize_t>(value.size()));
  }
  ASSERT_EQ(rd_kafka_producev(client.get(), RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_KEY(key.data(), key.size()),
                              RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_HEADERS(named), RD_KAFKA_V_END),
            RD_KAFKA_RESP_ERR_NO_ERROR);
  ASSERT_EQ(rd_kafka_flush(client.get(), 10'000), RD_KAFKA_RESP_ERR_NO_ERROR);
}

KafkaOptions SecondMember(const KafkaOptions& first) {
  KafkaOptions options = first;
  options.instance = "another";
  options.schemas = {};
  return options;
}

TEST(KafkaConsumerTest, AMemberThatJoinsWhileWorkIsInHandLosesNothing) {
  constexpr int kPartitions = 4;
  constexpr size_t kRecords = 400;
  KafkaOptions options = OptionsFor(FreshPrefix(), kPartitions);
  options.hand_over = milliseconds(200);
  KafkaHarness first(options);
  Append(first, kRecords);
  auto one = *first.bus().Subscribe(Topic::kSubmitted, "policy");
  const auto in_hand = Take(*one, 200);
  ASSERT_EQ(in_hand.size(), 200u);
  std::set<std::string> finished;
  std::vector<Position> at_once, late;
  for (size_t i = 0; i < in_hand.size(); ++i) {
    (i % 2 == 0 ? at_once : late).push_back(in_hand[i].position);
    if (i % 2 == 0) finished.insert(in_hand[i].message.value);
  }
  one->Finished(at_once);

  KafkaHarness second(SecondMember(options));
  auto other = *second.bus().Subscribe(Topic::kSubmitted, "policy");
  // The other gets its share, the first ends, late, what it had begun under the old assignment, and both go on.
  const auto share = Take(*other, 1);
  ASSERT_EQ(share.size(), 1u);
  one->Finished(late);
  finished.insert(share[0].message.value);
  other->Finished(Positions(share));
  std::vector<int64_t> committed(kPartitions, 0);
  for (int round = 0; (finished.size() < kRecords || one->lag().depth + other->lag().depth > 0) && round < 300;
       ++round) {
    for (Consumer* const consumer : {one.get(), other.get()}) {
      const auto records = consumer->Fetch(64, milliseconds(50));
      ASSERT_TRUE(records.ok());
      for (const Record& record : *records) finished.insert(record.message.value);
      consumer->Finished(Positions(*records));
    }
    const auto now = Committed(options.prefix, kPartitions);
    for (int i = 0; i < kPartitions; ++i) {
      EXPECT_GE(now[static_cast<size_t>(i)], committed[static_cast<size_t>(i)])
          << "committed backwards in partition " << i;
    }
    committed = now;
  }
  EXPECT_EQ(finished.size(), kRecords);
  one.reset();
  other.reset();
  committed = Committed(options.prefix, kPartitions);
  int64_t sum = 0;
  for (const int64_t offset : committed) sum += offset;
  EXPECT_EQ(sum, static_cast<int64_t>(kRecords));
}

TEST(KafkaConsumerTest, WorkThatEndsAfterItsPartitionWasTakenAwayCommitsNothing) {
  KafkaOptions options = OptionsFor(FreshPrefix(), 2);
  options.hand_over = Duration(0);
  KafkaHarness first(options);
  Append(first, 100);
  auto one = *first.bus().Subscribe(Topic::kSubmitted, "policy");
  const auto in_hand = Take(*one, 100);
  ASSERT_EQ(in_hand.size(), 100u);
  KafkaHarness second(SecondMember(options));
  auto other = *second.bus().Subscribe(Topic::kSubmitted, "policy");
  // Each has one of the two partitions now, and is given its first records again.
  const auto again = Take(*one, 2);
  ASSERT_EQ(again.size(), 2u);
  EXPECT_EQ(again[0].position.offset, 0);
  std::vector<Position> late;
  for (const Record& record : in_hand) {
    if (record.position.offset > 1) late.push_back(record.position);
  }
  one->Finished(late);
  one->Finished(Positions(again));
  one.reset();
  other.reset();
  const auto partition = static_cast<size_t>(again[0].position.partition);
  EXPECT_EQ(Committed(options.prefix, 2)[partition], 2);
  EXPECT_EQ(Committed(options.prefix, 2)[1 - partition], 0);
}

TEST(KafkaConsumerTest, WaitsForWorkInHandBeforeItGivesAPartitionUp) {
  KafkaOptions options = OptionsFor(FreshPrefix());
  options.hand_over = seconds(20);
  options.session = seconds(3);  // the first learns of the other within a third of it
  KafkaHarness first(options);
  Append(first, 10);
  auto one = *first.bus().Subscribe(Topic::kSubmitted, "policy");
  const auto in_hand = Take(*one, 10);
  ASSERT_EQ(in_hand.size(), 10u);
  KafkaHarness second(SecondMember(options));
  auto other = *second.bus().Subscribe(Topic::kSubmitted, "policy");
  // The other asks for its share; nobody is given anything while the first is at work.
  EXPECT_TRUE(other->Fetch(1, seconds(2))->empty());
  one->Finished(Positions(in_hand));
  Append(first, 1);
  std::vector<Record> next;
  for (int in_vain = 0; next.empty() && in_vain < 300; ++in_vain) {
    next = *one->Fetch(10, milliseconds(50));
    if (next.empty()) next = *other->Fetch(10, milliseconds(50));
  }
  ASSERT_EQ(next.size(), 1u);
  EXPECT_EQ(next[0].position.offset, 10) << "what was finished in time is not given again";
}

TEST(KafkaConsumerTest, ARecordNobodyCanReadIsReportedAndTheRestGoesOn) {
  KafkaHarness harness(OptionsFor(FreshPrefix()));
  const std::string topic = harness.options().prefix + ".submitted.v1";
  const std::string key = MailId::Generate(SystemClock().Now()).ToString();
  WriteRaw(topic, key, {});
  WriteRaw(topic, key,
           {{"ce_specversion", "1.0"},
            {"ce_id", std::string("\0\xff", 2)},
            {"ce_type", "t"},
            {"ce_source", "s"},
            {"ce_time", "x"},
            {"content-type", "application/octet-stream"}});
  WriteRaw(topic, "no mail",
           {{"ce_specversion", "1.0"},
            {"ce_id", key},
            {"ce_type", "t"},
            {"ce_source", "s"},
            {"ce_time", "2026-11-24T01:02:03.456789Z"},
            {"content-type", "application/octet-stream"}});
  Append(harness, 1);
  std::vector<EventId> ids;
  {
    auto consumer = *harness.bus().Subscribe(Topic::kSubmitted, "policy");
    const auto records = Take(*consumer, 4);
    ASSERT_EQ(records.size(), 4u);
    for (size_t i = 0; i < 3; ++i) {
      ASSERT_TRUE(records[i].damage.has_value()) << i;
      EXPECT_EQ(records[i].damage->code, Code::kCorrupt);
      EXPECT_EQ(records[i].damage->retry, Retry::kNever);
      ids.push_back(records[i].message.header.id);
    }
    EXPECT_EQ(std::set<EventId>(ids.begin(), ids.end()).size(), 3u);
    EXPECT_FALSE(records[3].damage.has_value());
    EXPECT_EQ(records[3].message.value, "0");
  }
  harness.Reopen();
  auto consumer = *harness.bus().Subscribe(Topic::kSubmitted, "policy");
  const auto again = Take(*consumer, 4);
  ASSERT_EQ(again.size(), 4u);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(again[i].message.header.id, ids[i]) << "the same id each time";
  consumer->Finished(Positions(again));
  EXPECT_EQ(consumer->lag().depth, 0u);
}

TEST(KafkaConsumerTest, AStageThatStandsStillIsWaitedForWithAPausedPartition) {
  constexpr int kRecords = 3000;
  KafkaHarness harness(OptionsFor(FreshPrefix()));
  Append(harness, kRecords);
  auto consumer = *harness.bus().Subscribe(Topic::kSubmitted, "policy");
  const auto first = Take(*consumer, 1);
  ASSERT_EQ(first.size(), 1u);
  // The depth shows when all was published; meanwhile the window fills, and its partition is paused.
  for (int i = 0; i < 600 && consumer->lag().depth < kRecords; ++i) {
    ASSERT_TRUE(harness.bus().outboxes().ok());
    rd_kafka_poll(PlainClient(RD_KAFKA_PRODUCER).get(), 50);
  }
  EXPECT_EQ(consumer->lag().depth, static_cast<uint64_t>(kRecords));
  EXPECT_EQ(consumer->lag().oldest, first[0].message.header.time);
  const auto rest = Take(*consumer, kRecords - 1);
  ASSERT_EQ(rest.size(), static_cast<size_t>(kRecords - 1));
  for (size_t i = 0; i < rest.size(); ++i) ASSERT_EQ(rest[i].position.offset, static_cast<int64_t>(i + 1));
}

TEST(KafkaConsumerTest, APausedPartitionThatIsGivenBackGoesOn) {
  constexpr uint64_t kRecords = 3000;
  KafkaOptions options = OptionsFor(FreshPrefix(), 2);
  options.session = seconds(3);
  KafkaHarness first(options);
  Append(first, static_cast<int>(kRecords));
  auto one = *first.bus().Subscribe(Topic::kSubmitted, "policy");
  for (int i = 0; i < 600 && one->lag().depth < kRecords; ++i) rd_kafka_poll(PlainClient(RD_KAFKA_PRODUCER).get(), 50);
  ASSERT_EQ(one->lag().depth, kRecords);  // the window is full, and nobody fetches
  KafkaHarness second(SecondMember(options));
  auto other = *second.bus().Subscribe(Topic::kSubmitted, "policy");
  ASSERT_EQ(Take(*other, 1).size(), 1u);  // each has one of the two by now
  EXPECT_EQ(Take(*one, 1000).size(), 1000u);
  EXPECT_EQ(Take(*other, 999).size(), 999u);
}

TEST(KafkaConsumerTest, OneRecordThatTakesLongHoldsTheWindowNotTheMemory) {
  KafkaOptions options = OptionsFor(FreshPrefix());
  options.window = 64;
  KafkaHarness harness(options);
  Append(harness, 2000);
  auto consumer = *harness.bus().Subscribe(Topic::kSubmitted, "policy");
  const auto slow = Take(*consumer, 1);
  ASSERT_EQ(slow.size(), 1u);
  size_t given = 1;
  for (int in_vain = 0; in_vain < 10;) {
    const auto records = *consumer->Fetch(64, milliseconds(100));
    if (records.empty()) ++in_vain;
    given += records.size();
    consumer->Finished(Positions(records));
  }
  EXPECT_LE(given, 64u);
  consumer->Finished(Positions(slow));
  EXPECT_EQ(Take(*consumer, 50).size(), 50u);
}

TEST(KafkaConsumerTest, ASecondProcessOfTheSameNameStopsTheFirst) {
  KafkaHarness first(OptionsFor(FreshPrefix()));
  auto one = *first.bus().Subscribe(Topic::kSubmitted, "policy");
  Append(first, 1);
  ASSERT_EQ(Take(*one, 1).size(), 1u);
  KafkaHarness second(first.options());
  auto other = *second.bus().Subscribe(Topic::kSubmitted, "policy");
  EXPECT_EQ(Take(*other, 1).size(), 1u);
  std::optional<Error> error;
  for (int in_vain = 0; !error && in_vain < 300; ++in_vain) {
    const auto records = one->Fetch(1, milliseconds(100));
    if (!records.ok()) error = records.error();
  }
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->code, Code::kPrecondition);
}

}  // namespace
}  // namespace sekisho::bus
