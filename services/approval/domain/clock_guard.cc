#include "services/approval/domain/clock_guard.h"

namespace sekisho::approval {

bool ClockGuard::Trust(TimePoint wall, std::chrono::steady_clock::time_point steady) {
  if (last_) {
    const Duration drift = (wall - last_->wall) - std::chrono::duration_cast<Duration>(steady - last_->steady);
    if (std::chrono::abs(drift) > kTolerance) {
      ++jumps_;
      distrust_until_ = steady + kPause;
    }
  }
  last_ = Look{wall, steady};
  if (distrust_until_ && steady >= *distrust_until_) distrust_until_.reset();
  return !distrust_until_;
}

}  // namespace sekisho::approval
