#include "shared/base/clock.h"

#include <array>
#include <cstdint>
#include <ctime>

namespace sekisho {

using namespace std::chrono;

TimePoint SystemClock::Now() const { return time_point_cast<Duration>(system_clock::now()); }
steady_clock::time_point SystemClock::Steady() const { return steady_clock::now(); }

int64_t ToMicros(TimePoint time) { return time.time_since_epoch().count(); }
TimePoint FromMicros(int64_t micros) { return TimePoint(Duration(micros)); }

namespace {

std::tm Utc(TimePoint time) {
  const std::time_t seconds_since = floor<seconds>(time).time_since_epoch().count();
  std::tm tm{};
  gmtime_r(&seconds_since, &tm);
  return tm;
}

}  // namespace

std::string FormatRfc3339(TimePoint time) {
  const std::tm tm = Utc(time);
  const auto millis = duration_cast<milliseconds>(time - floor<seconds>(time)).count();
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1,
                tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, static_cast<int>(millis));
  return text.data();
}

std::string FormatRfc5322(TimePoint time) {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::tm tm = Utc(time);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%s, %d %s %04d %02d:%02d:%02d +0000", kDays[tm.tm_wday], tm.tm_mday,
                kMonths[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
  return text.data();
}

namespace {

struct Unit {
  std::string_view name;
  int64_t micros;
};
// Longest names first where one is the start of another.
constexpr Unit kUnits[] = {{"d", 86'400'000'000}, {"h", 3'600'000'000}, {"ms", 1'000},
                           {"m", 60'000'000},     {"s", 1'000'000},     {"us", 1}};

}  // namespace

Result<Duration> ParseDuration(std::string_view text) {
  const auto bad = [&] {
    return MakeError(Code::kInvalid,
                     "'" + std::string(text.substr(0, 40)) + "' is not a duration; write it like 90s, 3m, 1h30m, 5d");
  };
  std::string_view rest = text;
  int64_t total = 0;
  if (rest.empty()) return bad();
  while (!rest.empty()) {
    int64_t number = 0;
    size_t digits = 0;
    while (digits < rest.size() && rest[digits] >= '0' && rest[digits] <= '9') {
      number = number * 10 + (rest[digits++] - '0');
      if (number > 1'000'000'000) return bad();
    }
    if (digits == 0) return bad();
    rest.remove_prefix(digits);
    bool known = false;
    for (const Unit& unit : kUnits) {
      if (!rest.starts_with(unit.name)) continue;
      int64_t part = 0;
      if (__builtin_mul_overflow(number, unit.micros, &part) || __builtin_add_overflow(total, part, &total))
        return bad();
      rest.remove_prefix(unit.name.size());
      known = true;
      break;
    }
    if (!known) return bad();
  }
  return Duration(total);
}

std::string FormatDuration(Duration duration) {
  static constexpr Unit kDescending[] = {{"d", 86'400'000'000}, {"h", 3'600'000'000}, {"m", 60'000'000},
                                         {"s", 1'000'000},      {"ms", 1'000},        {"us", 1}};
  int64_t left = duration.count();
  if (left == 0) return "0s";
  std::string text = left < 0 ? "-" : "";
  if (left < 0) left = -left;
  for (const Unit& unit : kDescending) {
    if (left < unit.micros) continue;
    text += std::to_string(left / unit.micros) + std::string(unit.name);
    left %= unit.micros;
  }
  return text;
}

}  // namespace sekisho
