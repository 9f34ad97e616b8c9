#pragma once
// Notices a wall clock that jumps: until it has been steady for a while, nothing is released and nothing expires for
// being due. Pure; one thread at a time.

#include <chrono>
#include <optional>

#include "shared/base/clock.h"

namespace sekisho::approval {

class ClockGuard {
 public:
  static constexpr Duration kTolerance = std::chrono::minutes(1);  // NTP slews, leap seconds
  static constexpr Duration kPause = std::chrono::minutes(10);

  // Looks at both clocks. True when what is due may happen.
  bool Trust(TimePoint wall, std::chrono::steady_clock::time_point steady);
  // How often it jumped.
  uint64_t jumps() const { return jumps_; }

 private:
  struct Look {
    TimePoint wall;
    std::chrono::steady_clock::time_point steady;
  };
  std::optional<Look> last_;
  std::optional<std::chrono::steady_clock::time_point> distrust_until_;
  uint64_t jumps_ = 0;
};

}  // namespace sekisho::approval
