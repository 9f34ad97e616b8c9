#include "shared/stage/stage.h"

#include "shared/base/periodic.h"
#include "shared/stage/loop.h"
#include "shared/stage/proto_time.h"
#include "shared/stage/tables.h"

namespace sekisho::stage {
namespace {

constexpr auto kForgetEvery = std::chrono::hours(1);

// What an operator may see of it: nothing of the mail but its id.
v1::ParkedRecord Describe(std::string_view stage, const Kept& kept) {
  const bus::Header& header = kept.message.header;
  v1::ParkedRecord record;
  record.set_event_id(kept.event.ToString());
  record.set_stage(std::string(stage));
  record.set_topic(std::string(bus::TopicName(kept.topic)));
  record.set_mail_id(kept.message.key.ToString());
  record.set_cause(kept.cause);
  record.set_attempts(kept.attempts);
  *record.mutable_parked_at() = ToProto(kept.at);
  record.set_source(header.source);
  record.set_type(header.type);
  if (header.time != TimePoint{}) *record.mutable_produced_at() = ToProto(header.time);
  if (!header.causation.is_nil()) record.set_redriven_from(header.causation.ToString());
  record.set_traceparent(header.traceparent);
  return record;
}

class LoopingStage final : public Stage {
 public:
  LoopingStage(const Options& options, const Surroundings& around, const std::vector<bus::Topic>& topics,
               Processor& processor)
      : options_(options), around_(around), tables_(options.name) {
    for (const bus::Topic topic : topics) {
      loops_.push_back(std::make_unique<Loop>(options_, around_, tables_, topic, processor));
    }
  }
  ~LoopingStage() override { Drain(); }

  Status Start() override {
    SEKISHO_RETURN_IF_ERROR(MigrateStageTables(around_.database, options_.name));
    for (const auto& loop : loops_) SEKISHO_RETURN_IF_ERROR(loop->Start());
    if (!around_.database.sole_process()) {
      forgetting_.Start("stage:inbox", kForgetEvery, [this] {
        static_cast<void>(tables_.ForgetInbox(around_.database, around_.clock.Now()));  // else the next time
        return Periodic::Next::kLater;
      });
    }
    return Ok();
  }

  void Drain() override {
    forgetting_.Stop();
    for (const auto& loop : loops_) loop->Drain();
  }

  std::vector<v1::Queue> Queues() const override {
    std::map<bus::Topic, uint64_t> parked;
    static_cast<void>(around_.database.Read([&](store::Tx& tx) -> Status {
      SEKISHO_TRY(parked, tables_.CountParked(tx));
      return Ok();
    }));
    std::vector<v1::Queue> queues;
    for (const auto& loop : loops_) {
      queues.push_back(loop->Queue());
      queues.back().set_parked(parked[loop->topic()]);
    }
    return queues;
  }

  uint64_t Backlog() const override {
    uint64_t backlog = 0;
    for (const auto& loop : loops_) backlog += loop->Backlog();
    return backlog;
  }

  Result<std::vector<v1::WaitingRecord>> Waiting() const override {
    std::vector<v1::WaitingRecord> records;
    SEKISHO_RETURN_IF_ERROR(around_.database.Read([&](store::Tx& tx) -> Status {
      SEKISHO_TRY(const std::vector<Kept> all, tables_.ListWaiting(tx));
      records.clear();
      for (const Kept& kept : all) {
        v1::WaitingRecord& record = records.emplace_back();
        record.set_event_id(kept.event.ToString());
        record.set_stage(options_.name);
        record.set_topic(std::string(bus::TopicName(kept.topic)));
        record.set_mail_id(kept.message.key.ToString());
        record.set_cause(kept.cause);
        record.set_attempts(kept.attempts);
        *record.mutable_next_attempt() = ToProto(kept.at);
      }
      return Ok();
    }));
    return records;
  }

  Result<std::vector<v1::ParkedRecord>> Parked(std::optional<EventId> only) const override {
    std::vector<Kept> all;
    SEKISHO_RETURN_IF_ERROR(around_.database.Read([&](store::Tx& tx) -> Status {
      all.clear();
      if (!only) {
        SEKISHO_TRY(all, tables_.ListParked(tx));
        return Ok();
      }
      SEKISHO_TRY(std::optional<Kept> found, tables_.FindParked(tx, *only));
      if (found) all.push_back(*std::move(found));
      return Ok();
    }));
    std::vector<v1::ParkedRecord> records;
    for (const Kept& kept : all) records.push_back(Describe(options_.name, kept));
    return records;
  }

  Result<EventId> Redrive(const EventId& parked) override {
    EventId minted;
    bus::Topic topic{};
    SEKISHO_RETURN_IF_ERROR(around_.database.RunAndWait([&](store::Tx& tx) -> Status {
      SEKISHO_TRY(Kept kept, tables_.TakeParked(tx, parked));
      minted = EventId::Generate(around_.clock.Now());
      topic = kept.topic;
      kept.message.header.causation = kept.event;
      kept.event = minted;
      kept.attempts = 0;
      kept.at = around_.clock.Now();
      return tables_.PutWaiting(tx, kept);
    }));
    for (const auto& loop : loops_) {
      if (loop->topic() == topic) loop->WaitingAdded();
    }
    return minted;
  }

 private:
  const Options options_;
  const Surroundings around_;
  const Tables tables_;
  std::vector<std::unique_ptr<Loop>> loops_;
  Periodic forgetting_;
};

}  // namespace

std::unique_ptr<Stage> MakeStage(const Options& options, const Surroundings& surroundings,
                                 std::vector<bus::Topic> topics, Processor& processor) {
  return std::make_unique<LoopingStage>(options, surroundings, topics, processor);
}

}  // namespace sekisho::stage
