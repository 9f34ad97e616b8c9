#pragma once
// Time comes from a Clock that the owner injects, so that tests decide what time it is.

#include <chrono>
#include <string>
#include <string_view>

#include "shared/base/result.h"

namespace sekisho {

using Duration = std::chrono::microseconds;
using TimePoint = std::chrono::sys_time<Duration>;  // UTC

class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimePoint Now() const = 0;                                 // wall clock; may jump
  virtual std::chrono::steady_clock::time_point Steady() const = 0;  // never goes back
};

// The machine's clocks. Safe for concurrent use.
class SystemClock final : public Clock {
 public:
  TimePoint Now() const override;
  std::chrono::steady_clock::time_point Steady() const override;
};

int64_t ToMicros(TimePoint time);  // since 1970-01-01T00:00Z
TimePoint FromMicros(int64_t micros);
// RFC 3339 in UTC with milliseconds: "2026-11-24T01:02:03.456Z".
std::string FormatRfc3339(TimePoint time);
// RFC 5322 §3.3 date-time in UTC: "Tue, 24 Nov 2026 01:02:03 +0000".
std::string FormatRfc5322(TimePoint time);
// "90s", "3m", "5d", "1h30m", "250ms" → a duration. Errors: kInvalid.
Result<Duration> ParseDuration(std::string_view text);
std::string FormatDuration(Duration duration);  // "3m", "1h30m", "250ms"

}  // namespace sekisho
