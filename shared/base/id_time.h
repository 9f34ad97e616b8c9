#pragma once
// Ids begin with the milliseconds of their making (UUIDv7, RFC 9562 section 5.7), so that a time is a place in their
// order.

#include <algorithm>
#include <string>

#include "shared/base/clock.h"

namespace sekisho {

// The 16 octets below which no id made at `time` or later lies.
inline std::string LowestIdAt(TimePoint time) {
  const uint64_t millis = static_cast<uint64_t>(std::max<int64_t>(ToMicros(time) / 1000, 0));
  std::string octets(16, '\0');
  for (size_t i = 0; i < 6; ++i) octets[i] = static_cast<char>(millis >> (40 - 8 * i) & 0xff);
  return octets;
}

}  // namespace sekisho
