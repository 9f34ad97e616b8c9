#pragma once
// The loop that every stage runs, and the only place that knows how effects happen once: records of a batch are worked
// on in parallel over a bounded window; their effects, their outgoing records and the offset commit together.
//
//   Fetch ─▶ check hand-over MAC, open ─▶ Processor::Process (worker pool, no transaction)
//         ─▶ one transaction for all that are ready: a savepoint each {inbox, effects, outbox}, then the offset
//
// An error with Retry::kLater moves the record to the stage's waiting table, to be tried again with back-off; when
// every record fails so, the stage pauses. Any other error, or too many tries, parks the record: kept with its cause,
// its mail's recipients journalled as parked, a dead letter published, an alert counted; the rest goes on.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "google/protobuf/message_lite.h"
#include "sekisho/mail/v1/mail.pb.h"
#include "sekisho/stage/v1/stage.pb.h"
#include "shared/base/clock.h"
#include "shared/base/ids.h"
#include "shared/base/result.h"
#include "shared/base/worker_pool.h"
#include "shared/bus/bus.h"
#include "shared/keys/keys.h"
#include "shared/store/store.h"

namespace sekisho::stage {

// What a stage needs of its surroundings; all outlive it.
struct Surroundings {
  store::Database& database;
  bus::Bus& bus;
  keys::KeyRing& keys;
  const Clock& clock;
  WorkerPool& workers;
  std::string organization_id;
};

// Collects what a transaction tells the other stages. Lives as long as the transaction.
class Outbox {
 public:
  virtual ~Outbox() = default;
  // Appends `value` to `topic`, sealed under `key`, signed for each consumer of the topic. The stage must be one of its
  // producers.
  virtual Status Publish(bus::Topic topic, const keys::MailKey& key, const MailId& mail,
                         const google::protobuf::MessageLite& value) = 0;
  // Publish to the journal; fills in organisation, stage, and the time when absent.
  virtual Status Journal(const keys::MailKey& key, mail::v1::JournalEvent event) = 0;
};

// A record whose signer and order were checked, opened.
struct Input {
  bus::Topic topic;
  EventId event;
  MailId mail;
  std::string source;  // producing stage
  std::string value;   // serialised protobuf, in clear
  keys::MailKey key;   // of the mail: seal what you store about it under this
  std::string traceparent;
  uint32_t attempt = 1;
};

// What a record leads to. Runs inside the transaction, perhaps twice: touches only `tx` and `outbox`.
using Effects = std::function<Status(store::Tx& tx, Outbox& outbox)>;

class Processor {
 public:
  virtual ~Processor() = default;
  // Computes what `input` leads to; on a worker thread, several at once. Reads may use the database's Read.
  virtual Result<Effects> Process(const Input& input) = 0;
};

struct Options {
  std::string name;      // "policy": also its database schema and consumer group
  size_t window = 256;   // records in work at once
  int max_attempts = 8;  // then parked
  Duration first_retry = std::chrono::seconds(1);
  Duration max_retry = std::chrono::minutes(5);
};

// Effects that no record asked for: an accepted mail, a timer that is due, a peer's reply, a person's decision.
class Committer {
 public:
  Committer(const Surroundings& surroundings, std::string stage);
  // As Database::Run, with an outbox. `done` is called on the driver's thread.
  void Commit(Effects effects, std::function<void(Status)> done, std::string traceparent = {});
  Status CommitAndWait(Effects effects, std::string traceparent = {});

 private:
  Surroundings around_;
  std::string stage_;
};

// One consuming loop. Thread safe.
class Stage {
 public:
  virtual ~Stage() = default;
  // Makes the stage's tables, recovers what waits, subscribes, starts its thread.
  virtual Status Start() = 0;
  // Stops fetching, finishes what is in work, joins. Idempotent.
  virtual void Drain() = 0;

  virtual std::vector<stage::v1::Queue> Queues() const = 0;
  // Records of all its topics not yet finished; cheap enough to ask for each mail. 0 before Start.
  virtual uint64_t Backlog() const = 0;
  // At most 1,000, the soonest due first.
  virtual Result<std::vector<stage::v1::WaitingRecord>> Waiting() const = 0;
  // The oldest thousand, or only the one that is named, if it is there.
  virtual Result<std::vector<stage::v1::ParkedRecord>> Parked(std::optional<EventId> only = std::nullopt) const = 0;
  // Mints a new event from a parked record, with causation. Errors: kNotFound.
  virtual Result<EventId> Redrive(const EventId& parked) = 0;
};

// One loop for each topic of `topics` (each must name the stage as a consumer in Topology()).
std::unique_ptr<Stage> MakeStage(const Options& options, const Surroundings& surroundings,
                                 std::vector<bus::Topic> topics, Processor& processor);

// The stage's own tables; Start() runs it, and so must a service that only uses a Committer.
Status MigrateStageTables(store::Database& database, std::string_view schema);

}  // namespace sekisho::stage
