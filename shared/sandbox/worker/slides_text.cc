#include "shared/sandbox/worker/slides_text.h"

#include <cstdint>

#include "shared/text/charset.h"

namespace sekisho::sandbox {
namespace {

// [MS-PPT] §2.3.1: version and instance, type, length; a record of version 15 holds records.
constexpr size_t kHeaderOctets = 8;
constexpr uint16_t kContainer = 0xF;
constexpr uint16_t kTextChars = 0x0FA0, kTextBytes = 0x0FA8, kString = 0x0FBA;  // §2.9.41, §2.9.42, §2.2.1

uint64_t Number(std::string_view octets, size_t at, size_t size) {
  uint64_t value = 0;
  for (size_t i = size; i-- > 0;) value = value << 8 | static_cast<unsigned char>(octets[at + i]);
  return value;
}

}  // namespace

std::optional<std::string> SlidesText(std::string_view stream) {
  const auto utf16 = text::FindCharset("utf-16le");
  const auto latin = text::FindCharset("iso-8859-1");  // the low halves of UTF-16
  if (!utf16 || !latin) return std::nullopt;
  std::string text;
  // A container's records simply follow its header: their nesting doesn't matter for text.
  while (stream.size() >= kHeaderOctets) {
    const uint64_t version = Number(stream, 0, 2) & 0xF, type = Number(stream, 2, 2), size = Number(stream, 4, 4);
    stream.remove_prefix(kHeaderOctets);
    if (version == kContainer) continue;
    if (size > stream.size()) return std::nullopt;
    const std::string_view content = stream.substr(0, size);
    if (type == kTextChars || type == kString) text += text::Decode(*utf16, content).utf8 + '\n';
    if (type == kTextBytes) text += text::Decode(*latin, content).utf8 + '\n';
    stream.remove_prefix(size);
  }
  return text;
}

}  // namespace sekisho::sandbox
