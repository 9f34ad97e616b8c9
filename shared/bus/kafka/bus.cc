#include "shared/bus/kafka.h"
#include "shared/bus/kafka/member.h"
#include "shared/bus/kafka/outbox.h"
#include "shared/bus/kafka/relay.h"
#include "shared/bus/kafka/topics.h"
#include "shared/bus/kafka/window.h"

namespace sekisho::bus {
namespace kafka {
namespace {

class KafkaConsumer final : public Consumer {
 public:
  static Result<std::unique_ptr<Consumer>> Open(const KafkaOptions& options, TopicCheck& topics, Topic topic,
                                                std::string_view group) {
    std::unique_ptr<KafkaConsumer> consumer(new KafkaConsumer(options));
    SEKISHO_TRY(consumer->member_, Member::Join(options, topics, topic, group, consumer->window_));
    return std::unique_ptr<Consumer>(std::move(consumer));
  }
  ~KafkaConsumer() override { Stop(); }

  Result<std::vector<Record>> Fetch(size_t max, Duration wait) override { return window_.Fetch(max, wait); }
  Status Finish(store::Tx&, std::span<const Position>) override { return Ok(); }  // the broker is told afterwards
  void Finished(std::span<const Position> positions) override { window_.Finished(positions); }
  bool finishes_atomically() const override { return false; }
  Lag lag() const override {
    member_->AskEnds();
    return {window_.depth(), window_.oldest().value_or(TimePoint())};
  }
  uint64_t depth() const override { return window_.depth(); }
  void Stop() override { window_.Stop(); }

 private:
  explicit KafkaConsumer(const KafkaOptions& options) : window_(options.window) {}

  Window window_;
  std::unique_ptr<Member> member_;
};

class Driver final : public KafkaBus {
 public:
  Driver(store::Database& database, const KafkaOptions& options)
      : database_(database), options_(options), topics_(options_) {}
  ~Driver() override {
    // All at once, then one by one.
    for (const auto& relay : relays_) relay->bell()->Stop();
  }

  Status Open() {
    SEKISHO_RETURN_IF_ERROR(CheckOptions());
    for (const std::string& schema : options_.schemas) {
      const auto table = tables_.emplace(schema, std::make_unique<OutboxTable>(schema, options_.shards)).first;
      SEKISHO_RETURN_IF_ERROR(table->second->Migrate(database_));
    }
    const Status verified = topics_.Verify();
    if (!verified.ok() && verified.error().code != Code::kUnavailable) return verified;
    for (const auto& [schema, table] : tables_) {
      for (int shard = 0; shard < options_.shards; ++shard) {
        relays_.push_back(std::make_unique<Relay>(database_, options_, topics_, *table, shard));
        bells_[schema].push_back(relays_.back()->bell());
      }
    }
    return Ok();
  }

  Status Append(store::Tx& tx, std::string_view schema, Topic topic, const Message& message) override {
    const auto table = tables_.find(schema);
    if (table == tables_.end()) {
      return MakeError(Code::kInternal, "the outbox of " + std::string(schema) + " is not published by this process");
    }
    SEKISHO_RETURN_IF_ERROR(table->second->Append(tx, topic, message));
    const auto& bells = bells_.find(schema)->second;
    tx.OnCommitted([bell = bells[static_cast<size_t>(table->second->ShardOf(message.key))]] { bell->Ring(); });
    return Ok();
  }

  Result<std::unique_ptr<Consumer>> Subscribe(Topic topic, std::string_view group) override {
    return KafkaConsumer::Open(options_, topics_, topic, group);
  }

  Result<std::vector<Outbox>> outboxes() const override {
    std::vector<Outbox> all;
    SEKISHO_RETURN_IF_ERROR(database_.Read([&](store::Tx& tx) -> Status {
      all.clear();
      for (const auto& [schema, table] : tables_) {
        Outbox outbox;
        outbox.schema = schema;
        SEKISHO_TRY(outbox.depth, table->Count(tx));
        SEKISHO_TRY(outbox.oldest, table->Oldest(tx));
        all.push_back(std::move(outbox));
      }
      return Ok();
    }));
    for (size_t i = 0; i < relays_.size(); ++i) {
      std::string& trouble = all[i / static_cast<size_t>(options_.shards)].trouble;
      if (trouble.empty()) trouble = relays_[i]->trouble();
    }
    return all;
  }

 private:
  Status CheckOptions() const {
    if (options_.shards < 1 || options_.window < 2)
      return MakeError(Code::kInvalid, "kafka: shards and window are positive");
    if (options_.topics.retention <= Duration::zero())
      return MakeError(Code::kInvalid, "kafka: a retention is positive");
    // The settings as a whole, by the library's own check.
    SEKISHO_RETURN_IF_ERROR(Settings(options_.connection, "sekisho").Make(RD_KAFKA_PRODUCER));
    return Ok();
  }

  store::Database& database_;
  const KafkaOptions options_;
  TopicCheck topics_;
  std::map<std::string, std::unique_ptr<OutboxTable>, std::less<>> tables_;
  std::map<std::string, std::vector<std::shared_ptr<Bell>>, std::less<>> bells_;
  std::vector<std::unique_ptr<Relay>> relays_;
};

}  // namespace
}  // namespace kafka

Result<std::unique_ptr<KafkaBus>> OpenKafka(store::Database& database, const KafkaOptions& options) {
  auto bus = std::make_unique<kafka::Driver>(database, options);
  SEKISHO_RETURN_IF_ERROR(bus->Open());
  return std::unique_ptr<KafkaBus>(std::move(bus));
}

}  // namespace sekisho::bus
