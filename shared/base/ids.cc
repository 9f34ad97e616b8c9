#include "shared/base/ids.h"

#include <algorithm>
#include <cstring>
#include <mutex>

#include "shared/base/bytes.h"
#include "shared/base/random.h"

namespace sekisho {

// 48 bits of milliseconds, 12 bits of counter (RFC 9562 §6.2 method 1), 62 bits of randomness.
Uuid Uuid::Generate(TimePoint now) {
  static std::mutex mutex;
  static uint64_t last = 0;  // milliseconds << 12 | counter
  const uint64_t millis = static_cast<uint64_t>(std::max<int64_t>(ToMicros(now) / 1000, 0));
  uint64_t stamp = 0;
  {
    const std::scoped_lock lock(mutex);
    last = std::max(millis << 12, last + 1);
    stamp = last;
  }
  Uuid uuid;
  RandomFill(uuid.octets_.data() + 8, 8);
  for (int i = 0; i < 6; ++i) uuid.octets_[i] = static_cast<unsigned char>(stamp >> (52 - 8 * i));
  uuid.octets_[6] = static_cast<unsigned char>(0x70 | (stamp >> 8 & 0x0f));
  uuid.octets_[7] = static_cast<unsigned char>(stamp);
  uuid.octets_[8] = static_cast<unsigned char>(0x80 | (uuid.octets_[8] & 0x3f));
  return uuid;
}

Result<Uuid> Uuid::Parse(std::string_view text) {
  const auto bad = [&] {
    return MakeError(Code::kInvalid, "'" + std::string(text.substr(0, 40)) +
                                         "' is not an id (36 characters like "
                                         "0193a5e4-6f00-7abc-8def-0123456789ab)");
  };
  if (text.size() != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-') return bad();
  std::string digits;
  for (char c : text) {
    if (c != '-') digits += c;
  }
  const auto octets = HexDecode(digits);
  if (!octets.ok() || octets->size() != 16) return bad();
  return FromOctets(*octets);
}

Result<Uuid> Uuid::FromOctets(std::string_view octets) {
  if (octets.size() != 16)
    return MakeError(Code::kInvalid, "an id has 16 octets, not " + std::to_string(octets.size()));
  Uuid uuid;
  std::memcpy(uuid.octets_.data(), octets.data(), 16);
  return uuid;
}

std::string Uuid::ToString() const {
  std::string text = HexEncode(octets());
  for (size_t position : {8u, 13u, 18u, 23u}) text.insert(position, 1, '-');
  return text;
}

TimePoint Uuid::time() const {
  int64_t millis = 0;
  for (int i = 0; i < 6; ++i) millis = millis << 8 | octets_[i];
  return FromMicros(millis * 1000);
}

}  // namespace sekisho
