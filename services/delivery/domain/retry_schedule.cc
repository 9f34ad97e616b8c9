#include "services/delivery/domain/retry_schedule.h"

#include <algorithm>

namespace sekisho::delivery {

std::optional<TimePoint> RetrySchedule::Next(TimePoint queued_at, int attempts, TimePoint now, double dice) const {
  const TimePoint end = queued_at + give_up_after;
  if (now >= end) return std::nullopt;
  Duration pause = first;
  for (int i = 1; i < attempts && pause < max; ++i) pause *= 2;
  const double spread = 0.8 + 0.4 * dice;
  pause =
      std::min(max, Duration(static_cast<Duration::rep>(static_cast<double>(std::min(pause, max).count()) * spread)));
  return std::min(now + std::max(pause, Duration(1)), end);
}

}  // namespace sekisho::delivery
