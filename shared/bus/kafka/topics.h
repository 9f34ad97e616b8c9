#pragma once
// Whether the cluster's topics are what this product needs. A topic that is compacted, kept longer than the keys of its
// records, or acknowledged by one broker alone would lose mail or keep it for ever, quietly: so it is looked at before
// the first use.

#include <chrono>
#include <mutex>

#include "shared/bus/kafka/client.h"

namespace sekisho::bus::kafka {

class TopicCheck {
 public:
  explicit TopicCheck(const KafkaOptions& options) : options_(options) {}  // outlives it

  // Checks, and makes what is absent when that is allowed. Once it succeeded it costs nothing; after a failure it is
  // tried again a second later at the earliest. Waits for the broker for some seconds. Thread safe. Errors:
  // kUnavailable; kPrecondition, with everything that is wrong and what to do.
  Status Verify();

 private:
  Status Check();

  const KafkaOptions& options_;
  std::mutex mutex_;
  bool verified_ = false;
  Status last_;
  std::chrono::steady_clock::time_point not_before_{};
};

}  // namespace sekisho::bus::kafka
