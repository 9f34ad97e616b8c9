#pragma once
// Publishes one shard of an outbox: unpublished rows in batches, in order; a row goes after the brokers have
// acknowledged it. Whatever dies in between, the row is still there and is published again, with the same event id.

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "shared/bus/kafka/outbox.h"
#include "shared/bus/kafka/publisher.h"
#include "shared/bus/kafka/topics.h"

namespace sekisho::bus::kafka {

// How a relay learns that there is work. Outlives the relay in the hands of transactions that are not committed yet.
class Bell {
 public:
  void Ring();
  void Stop();
  bool stopped() const;
  // Until it rings, `wait` is over, or it is stopped (then false).
  bool Await(Duration wait);
  // Until `wait` is over, or it is stopped (then false).
  bool Pause(Duration wait);

 private:
  mutable std::mutex mutex_;
  std::condition_variable rung_or_stopped_;
  bool rung_ = true;  // what was left from before
  bool stopped_ = false;
};

class Relay {
 public:
  // All outlive it, until Stop returns. Starts its thread.
  Relay(store::Database& database, const KafkaOptions& options, TopicCheck& topics, const OutboxTable& outbox,
        int shard);
  ~Relay();

  const std::shared_ptr<Bell>& bell() const { return bell_; }
  // What went wrong last; empty when it works.
  std::string trouble() const;

 private:
  void Run();
  Status PublishAll();
  bool HoldsLock() const;
  Result<std::vector<OutboxRow>> Unpublished();
  Status Publish(const std::vector<OutboxRow>& rows);
  void Delete(std::vector<OutboxKey> keys);
  void Deleted(const std::vector<OutboxKey>& keys, bool ok);

  store::Database& database_;
  const KafkaOptions& options_;
  TopicCheck& topics_;
  const OutboxTable& outbox_;
  const int shard_;
  const std::shared_ptr<Bell> bell_ = std::make_shared<Bell>();
  std::unique_ptr<Publisher> publisher_;  // of the thread

  mutable std::mutex mutex_;
  std::condition_variable deleted_;
  std::set<OutboxKey> acknowledged_;  // the brokers have them, the deletion is not durable yet
  std::vector<OutboxKey> undeleted_;  // of these: the database refused; to be tried again
  size_t deleting_ = 0;               // transactions under way
  std::string trouble_;
  std::optional<std::chrono::steady_clock::time_point> publishing_since_;
  std::thread thread_;
};

}  // namespace sekisho::bus::kafka
