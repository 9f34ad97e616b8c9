#pragma once
// Reads a topic beside its groups, for people: takes nothing from anybody, finishes nothing, keeps no offset. One
// reader, one thread.

#include <functional>
#include <memory>
#include <vector>

#include "shared/bus/bus.h"

namespace sekisho::bus {

struct KafkaOptions;

class Tail {
 public:
  virtual ~Tail() = default;
  // What has come since the last call, at most `max`, in order within a partition; soon, perhaps nothing.
  // Errors: kUnavailable.
  virtual Result<std::vector<Record>> Next(size_t max) = 0;
  // True once all that was there at the beginning was given.
  virtual bool caught_up() const = 0;
};

// Begins at the newest `newest` records of each partition.
using OpenTail = std::function<Result<std::unique_ptr<Tail>>(Topic topic, size_t newest)>;

// Of the local bus: what its groups have all finished is gone after a while. `database` outlives it.
Result<std::unique_ptr<Tail>> OpenLocalTail(store::Database& database, Topic topic, size_t newest);
// Without a group. Waits for the broker for some seconds. Errors: kUnavailable; kPermission.
Result<std::unique_ptr<Tail>> OpenKafkaTail(const KafkaOptions& options, Topic topic, size_t newest);

}  // namespace sekisho::bus
