#pragma once
// When a recipient that was deferred is tried again, when its sender is told that it is late, and when we give up.
// Pure.

#include <optional>

#include "shared/base/clock.h"

namespace sekisho::delivery {

struct RetrySchedule {
  Duration first = std::chrono::seconds(60);  // after the first failed attempt; doubled after each further one
  Duration max = std::chrono::hours(4);       // never longer than this
  Duration give_up_after =
      std::chrono::hours(5 * 24);  // counted from when delivery took the mail (RFC 5321 §4.5.4.1: 4–5 days)
  Duration delay_notice_after = std::chrono::hours(4);

  // The next attempt after `attempts` failed ones (1 or more), the last at `now`. `dice` in [0, 1) spreads it by a
  // fifth to both sides, so that what failed together isn't tried together. The last attempt is made when the time to
  // give up has come; nothing after that.
  std::optional<TimePoint> Next(TimePoint queued_at, int attempts, TimePoint now, double dice) const;

  // Whether a recipient that was just deferred again has waited so long that its sender should know.
  bool IsLate(TimePoint queued_at, TimePoint now) const { return now - queued_at >= delay_notice_after; }
};

}  // namespace sekisho::delivery
