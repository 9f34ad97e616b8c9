#include "shared/text/utf8.h"

#include <unicode/uchar.h>

#include <cstdint>
#include <cstdio>
#include <cstring>

namespace sekisho::text {
namespace {

bool IsInvisible(char32_t c) {
  if (c < 0x20 || (c >= 0x7F && c < 0xA0)) return true;
  if (c < 0xAD) return false;
  const auto category = u_charType(static_cast<UChar32>(c));
  return category == U_FORMAT_CHAR || category == U_LINE_SEPARATOR || category == U_PARAGRAPH_SEPARATOR ||
         (u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_DEFAULT_IGNORABLE_CODE_POINT) &&
          // Variation selectors choose a glyph; they hide nothing.
          !(c >= 0xFE00 && c <= 0xFE0F) && !(c >= 0xE0100 && c <= 0xE01EF));
}

}  // namespace

bool IsAscii(std::string_view octets) {
  const char* at = octets.data();
  const char* const end = at + octets.size();
  for (; end - at >= 8; at += 8) {
    uint64_t word;
    std::memcpy(&word, at, 8);
    if ((word & 0x8080808080808080ULL) != 0) return false;
  }
  for (; at != end; ++at) {
    if (static_cast<unsigned char>(*at) >= 0x80) return false;
  }
  return true;
}

char32_t NextCodePoint(std::string_view utf8, size_t& position) {
  const auto octet = [&](size_t at) { return static_cast<unsigned char>(utf8[at]); };
  const unsigned char lead = octet(position);
  if (lead < 0x80) return static_cast<char32_t>(utf8[position++]);
  const size_t length = lead >= 0xC2 && lead < 0xE0   ? 2
                        : lead >= 0xE0 && lead < 0xF0 ? 3
                        : lead >= 0xF0 && lead < 0xF5 ? 4
                                                      : 0;
  if (length == 0 || utf8.size() - position < length) {
    ++position;
    return kReplacement;
  }
  char32_t value = lead & (0x7F >> length);
  for (size_t i = 1; i < length; ++i) {
    const unsigned char next = octet(position + i);
    if ((next & 0xC0) != 0x80) {
      ++position;
      return kReplacement;
    }
    value = value << 6 | (next & 0x3F);
  }
  static constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < kLeast[length] || (value >= 0xD800 && value < 0xE000) || value > 0x10FFFF) {
    ++position;
    return kReplacement;
  }
  position += length;
  return value;
}

bool IsValidUtf8(std::string_view octets) {
  for (size_t at = 0; at < octets.size();) {
    if (static_cast<unsigned char>(octets[at]) < 0x80) {
      ++at;
      continue;
    }
    const size_t before = at;
    if (NextCodePoint(octets, at) == kReplacement && at == before + 1) return false;
  }
  return true;
}

void AppendUtf8(std::string& to, char32_t c) {
  if (c < 0x80) {
    to += static_cast<char>(c);
    return;
  }
  if ((c >= 0xD800 && c < 0xE000) || c > 0x10FFFF) c = kReplacement;
  char octets[4];
  size_t size;
  if (c < 0x800) {
    octets[0] = static_cast<char>(0xC0 | c >> 6);
    octets[1] = static_cast<char>(0x80 | (c & 0x3F));
    size = 2;
  } else if (c < 0x10000) {
    octets[0] = static_cast<char>(0xE0 | c >> 12);
    octets[1] = static_cast<char>(0x80 | (c >> 6 & 0x3F));
    octets[2] = static_cast<char>(0x80 | (c & 0x3F));
    size = 3;
  } else {
    octets[0] = static_cast<char>(0xF0 | c >> 18);
    octets[1] = static_cast<char>(0x80 | (c >> 12 & 0x3F));
    octets[2] = static_cast<char>(0x80 | (c >> 6 & 0x3F));
    octets[3] = static_cast<char>(0x80 | (c & 0x3F));
    size = 4;
  }
  to.append(octets, size);
}

bool IsIdeographic(char32_t c) {
  return (c >= 0x3001 && c <= 0x30FF) || (c >= 0x31F0 && c <= 0x31FF) || (c >= 0x3400 && c <= 0x9FFF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x20000 && c <= 0x3FFFF);
}

std::string_view TruncateUtf8(std::string_view utf8, size_t octets) {
  if (utf8.size() <= octets) return utf8;
  size_t end = octets;
  while (end > 0 && octets - end < 3 && (static_cast<unsigned char>(utf8[end]) & 0xC0) == 0x80) --end;
  return utf8.substr(0, end);
}

std::string Shorten(std::string_view utf8, size_t characters) {
  size_t at = 0, count = 0, last = 0;
  while (at < utf8.size() && count < characters) {
    last = at;
    NextCodePoint(utf8, at);
    ++count;
  }
  if (at == utf8.size()) return std::string(utf8);
  return std::string(utf8.substr(0, last)) + "…";
}

std::string SanitizeUtf8(std::string_view octets) {
  if (IsValidUtf8(octets)) return std::string(octets);
  std::string out;
  out.reserve(octets.size() + 16);
  for (size_t at = 0; at < octets.size();) AppendUtf8(out, NextCodePoint(octets, at));
  return out;
}

bool HasInvisible(std::string_view utf8) {
  for (size_t at = 0; at < utf8.size();) {
    if (IsInvisible(NextCodePoint(utf8, at))) return true;
  }
  return false;
}

std::string ShowInvisible(std::string_view utf8) {
  if (!HasInvisible(utf8)) return std::string(utf8);
  std::string out;
  for (size_t at = 0; at < utf8.size();) {
    const char32_t c = NextCodePoint(utf8, at);
    if (!IsInvisible(c)) {
      AppendUtf8(out, c);
      continue;
    }
    char shown[16];
    std::snprintf(shown, sizeof(shown), "[U+%04X]", static_cast<unsigned>(c));
    out += shown;
  }
  return out;
}

}  // namespace sekisho::text
