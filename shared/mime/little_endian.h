#pragma once
// Numbers as file formats store them. Internal to shared/mime.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sekisho::mime {

// The `size` octets at `at`, least significant first; `beyond` where they aren't all there.
inline uint64_t LittleEndian(std::string_view octets, size_t at, size_t size, uint64_t beyond = 0) {
  if (at > octets.size() || octets.size() - at < size) return beyond;
  uint64_t value = 0;
  for (size_t i = size; i-- > 0;) value = value << 8 | static_cast<unsigned char>(octets[at + i]);
  return value;
}

}  // namespace sekisho::mime
