#pragma once
// Notices that the wall clock was set, by the clock that never is. Pure.

#include <chrono>
#include <optional>
#include <utility>

#include "shared/base/clock.h"

namespace sekisho::delivery {

class ClockWatch {
 public:
  // Both clocks, read now. How far the wall clock jumped since the last call, when by more than a minute.
  std::optional<Duration> Look(TimePoint wall, std::chrono::steady_clock::time_point steady) {
    const auto before = std::exchange(last_, Reading{wall, steady});
    if (!before) return std::nullopt;
    const Duration jump = (wall - before->wall) - std::chrono::duration_cast<Duration>(steady - before->steady);
    if (jump < std::chrono::minutes(1) && jump > -std::chrono::minutes(1)) return std::nullopt;
    return jump;
  }

 private:
  struct Reading {
    TimePoint wall;
    std::chrono::steady_clock::time_point steady;
  };
  std::optional<Reading> last_;
};

}  // namespace sekisho::delivery
