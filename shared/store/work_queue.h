#pragma once
// The bounded queue of functions from which one writer or several take groups. Thread safe. Inside this module only.

#include <condition_variable>
#include <deque>
#include <mutex>
#include <vector>

#include "shared/base/clock.h"
#include "shared/store/store.h"

namespace sekisho::store {

struct Work {
  Database::TxFn fn;
  Database::DoneFn done;
  Status result;
};

class WorkQueue {
 public:
  WorkQueue(size_t limit, size_t max_group) : limit_(limit), max_group_(max_group) {}

  // Never blocks. Calls `done` at once with kCancelled after Stop, kExhausted over the limit, and with the error with
  // which the last writer left while there is none.
  void Push(Database::TxFn fn, Database::DoneFn done);

  // Waits for work and moves it into the empty `group`. False when there will be none any more.
  bool Take(std::vector<Work>& group);

  // A writer can take work, or can't any more. When the last one left, gives what is queued, to be refused with `why`.
  void Join();
  std::deque<Work> Leave(const Error& why);

  // Waits for `pause`; false at once when stopped.
  bool Pause(Duration pause);
  void Stop();
  size_t size() const;

 private:
  const size_t limit_, max_group_;
  mutable std::mutex mutex_;
  std::condition_variable work_, stopped_;
  std::deque<Work> queue_;
  size_t writers_ = 0;
  Status away_;  // why there is no writer
  bool stopping_ = false;
};

}  // namespace sekisho::store
