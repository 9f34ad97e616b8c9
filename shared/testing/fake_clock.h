#pragma once
// A clock that stands still until the test moves it. Thread safe.

#include <atomic>

#include "shared/base/clock.h"

namespace sekisho::testing {

class FakeClock final : public Clock {
 public:
  explicit FakeClock(TimePoint start = FromMicros(1'795'482'123'000'000)) : micros_(ToMicros(start)) {}

  TimePoint Now() const override { return FromMicros(micros_.load()); }
  std::chrono::steady_clock::time_point Steady() const override {
    return std::chrono::steady_clock::time_point(std::chrono::microseconds(steady_.load()));
  }
  void Advance(Duration by) {
    micros_ += by.count();
    steady_ += by.count();
  }
  void Jump(Duration by) { micros_ += by.count(); }  // the wall clock alone

 private:
  std::atomic<int64_t> micros_;
  std::atomic<int64_t> steady_{1'000'000'000};
};

}  // namespace sekisho::testing
