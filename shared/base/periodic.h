#pragma once
// Calls one function again and again, on a thread of its own, until it is stopped: sweeping, looking at files, timers.
// It measures the pause by the machine's steady clock; what is due by the wall clock is the function's to ask. Start
// and Stop are for one thread at a time.

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "shared/base/clock.h"

namespace sekisho {

class Periodic {
 public:
  enum class Next { kLater, kAtOnce };  // kAtOnce: there is more to do than one call should

  Periodic() = default;
  ~Periodic();  // Stop()

  // Once. `name`: the thread's, at most 15 characters. The first call comes after `pause`.
  void Start(const std::string& name, Duration pause, std::function<Next()> work);
  // Finishes the call that is under way; none comes after. Idempotent, and harmless before Start.
  void Stop();

 private:
  void Loop(Duration pause, const std::function<Next()>& work);

  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace sekisho
