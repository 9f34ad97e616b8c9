#pragma once
// The distributed driver: topics of an Apache Kafka cluster. A record is written to the producing stage's outbox inside
// the transaction whose effect it tells of; a relay for each shard of the outbox publishes it afterwards and deletes
// the row once the broker has it. So a broker that is down stops nobody from committing, and what was committed is
// published at least once, always with the same event id. Consumers give a record again after a restart or a rebalance
// unless it was finished and the broker told so: stages keep an inbox (finishes_atomically() is false).

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shared/base/clock.h"
#include "shared/base/secret.h"
#include "shared/bus/bus.h"
#include "shared/store/store.h"

namespace sekisho::bus {

struct KafkaConnection {
  std::string servers;  // "kafka-0.example:9093,kafka-1.example:9093"
  // PEM files. With `ca_file` the connection is TLS, and the brokers' certificates are checked by it, and their names.
  std::string ca_file;
  std::string certificate_file, key_file;  // our own, for brokers that ask (mTLS)
  // SASL, only over TLS. SCRAM needs librdkafka 2.6.1 (the older ones are refused by brokers of today).
  std::string user;
  Secret<std::string> password;
  std::string mechanism = "PLAIN";  // or "SCRAM-SHA-256", "SCRAM-SHA-512"
};

// What every topic must be like; and how it is made, when that is allowed.
struct KafkaTopics {
  bool create = false;
  int partitions = 12;  // at least
  int replication = 3;  // at least
  int min_insync = 2;   // at least
  // At most, and less than an epoch key lives: a broker must not keep what nobody can open any more.
  Duration retention = std::chrono::hours(24 * 7);
};

// Sees to it that one process publishes a shard of an outbox at a time. Two at once would repeat records, not lose any.
// Called by the shard's relay alone. The standalone store has one process: it needs none.
class ShardLock {
 public:
  virtual ~ShardLock() = default;
  // True while this process has the lock: asked before each batch. Takes it when it is free; never waits for it.
  virtual bool Hold(std::string_view schema, int shard) = 0;
  virtual void Release(std::string_view schema, int shard) = 0;
};

struct KafkaOptions {
  KafkaConnection connection;
  KafkaTopics topics;
  std::string prefix = "sekisho.mail";  // topics are "<prefix>.submitted.v1", groups "<prefix>.<group>.submitted"
  // This replica's own name, the same after a restart ("policy-0"): its partitions then wait for it for `session`, and
  // are not dealt out anew. Empty: a member without a name, whose partitions go to others when it leaves.
  std::string instance;
  std::vector<std::string> schemas;  // whose outboxes this process writes and publishes
  // Of each outbox. May be changed: the last relay also publishes what lies in shards that are no more.
  int shards = 1;
  // How long a row may lie that another process wrote, of which no bell tells the one that publishes its shard.
  Duration look = std::chrono::seconds(1);
  size_t window = 4096;  // records of a partition between the lowest unfinished and the newest taken from the broker
  Duration session = std::chrono::seconds(30);
  Duration hand_over = std::chrono::seconds(2);  // how long a partition that is taken away waits for what is in work
  ShardLock* shard_lock = nullptr;               // outlives the bus
};

class KafkaBus : public Bus {
 public:
  struct Outbox {
    std::string schema;
    uint64_t depth = 0;  // rows not published, counted up to 100,000
    std::optional<TimePoint> oldest;
    std::string trouble;  // of the last attempt to publish; empty when it succeeded
  };
  // For the operator: what waits for the broker. Reads the database.
  virtual Result<std::vector<Outbox>> outboxes() const = 0;
};

// Makes the outboxes' tables, checks the topics (all of kTopics) and starts the relays. A broker that can't be reached
// is no error: the topics are then checked before the first use, and until then Fetch returns kUnavailable. `database`
// outlives the bus; consumers die before it. Errors: kInvalid, kUnsupported: the options; kPrecondition: a topic is
// absent or not as it must be, with what to do.
Result<std::unique_ptr<KafkaBus>> OpenKafka(store::Database& database, const KafkaOptions& options);

}  // namespace sekisho::bus
