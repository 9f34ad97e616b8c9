#include "shared/bus/tail.h"

#include <algorithm>
#include <chrono>
#include <set>

#include "shared/bus/kafka/record.h"

namespace sekisho::bus {
namespace kafka {
namespace {

constexpr int kAskMs = 5'000, kWaitMs = 100;

using TopicHandle = Handle<rd_kafka_topic_t, rd_kafka_topic_destroy>;
using Message = Handle<rd_kafka_message_t, rd_kafka_message_destroy>;

// By the library's interface without groups: nobody's partitions move, and there is nothing that could be committed.
class KafkaTail final : public Tail {
 public:
  KafkaTail(const KafkaOptions& options, Topic topic) : topic_(topic), name_(TopicOnKafka(options, topic)) {}
  ~KafkaTail() override {
    for (const int32_t partition : started_) rd_kafka_consume_stop(handle_.get(), partition);
  }

  Status Begin(const KafkaOptions& options, size_t newest) {
    Settings settings(options.connection, "sekisho-tail");
    settings.Set("enable.partition.eof", "true").Set("queued.max.messages.kbytes", "4096");
    SEKISHO_TRY(client_, std::move(settings).Make(RD_KAFKA_CONSUMER));
    handle_ = TopicHandle(rd_kafka_topic_new(client_.get(), name_.c_str(), nullptr));
    queue_ = Queue(rd_kafka_queue_new(client_.get()));
    SEKISHO_TRY(const std::vector<int32_t> partitions, Partitions());
    for (const int32_t partition : partitions) {
      int64_t low = 0, high = 0;
      const auto asked = AskEnds(partition, low, high);
      if (asked != RD_KAFKA_RESP_ERR_NO_ERROR) return FromKafka(asked, "asking for the end of " + name_);
      const int64_t from = std::max(low, high - static_cast<int64_t>(newest));
      if (rd_kafka_consume_start_queue(handle_.get(), partition, from, queue_.get()) != 0) {
        return FromKafka(rd_kafka_last_error(), "reading " + name_);
      }
      started_.push_back(partition);
      if (from < high) behind_.insert(partition);
    }
    return Ok();
  }

  Result<std::vector<Record>> Next(size_t max) override {
    std::vector<Record> records;
    for (int wait = kWaitMs; records.size() < max; wait = 0) {
      const Message message(rd_kafka_consume_queue(queue_.get(), wait));
      if (message == nullptr) break;
      if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        behind_.erase(message->partition);
      } else if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return FromKafka(message->err, "reading " + name_);
      } else {
        records.push_back(ReadRecord(topic_, *message.get()));
      }
    }
    return records;
  }

  bool caught_up() const override { return behind_.empty(); }

 private:
  // Just after a topic was made the broker may not know yet that it leads a partition: that passes.
  rd_kafka_resp_err_t AskEnds(int32_t partition, int64_t& low, int64_t& high) const {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::milliseconds(kAskMs);
    for (;;) {
      const auto asked = rd_kafka_query_watermark_offsets(client_.get(), name_.c_str(), partition, &low, &high, kAskMs);
      if (asked != RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION) return asked;
      if (std::chrono::steady_clock::now() > give_up) return asked;
      rd_kafka_poll(client_.get(), kWaitMs);
    }
  }

  Result<std::vector<int32_t>> Partitions() const {
    const rd_kafka_metadata_t* raw = nullptr;
    const auto asked = rd_kafka_metadata(client_.get(), 0, handle_.get(), &raw, kAskMs);
    if (asked != RD_KAFKA_RESP_ERR_NO_ERROR) return FromKafka(asked, "asking about " + name_);
    const Handle<const rd_kafka_metadata_t, rd_kafka_metadata_destroy> metadata(raw);
    std::vector<int32_t> partitions;
    for (int i = 0; i < raw->topic_cnt; ++i) {
      if (raw->topics[i].err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return FromKafka(raw->topics[i].err, "asking about " + name_);
      }
      for (int j = 0; j < raw->topics[i].partition_cnt; ++j) partitions.push_back(raw->topics[i].partitions[j].id);
    }
    return partitions;
  }

  const Topic topic_;
  const std::string name_;
  Client client_;  // dies last
  TopicHandle handle_;
  Queue queue_;
  std::vector<int32_t> started_;
  std::set<int32_t> behind_;  // that have not given yet what was there at the beginning
};

}  // namespace
}  // namespace kafka

Result<std::unique_ptr<Tail>> OpenKafkaTail(const KafkaOptions& options, Topic topic, size_t newest) {
  auto tail = std::make_unique<kafka::KafkaTail>(options, topic);
  SEKISHO_RETURN_IF_ERROR(tail->Begin(options, newest));
  return std::unique_ptr<Tail>(std::move(tail));
}

}  // namespace sekisho::bus
