#include "shared/mime/encoded_word.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "shared/base/bytes.h"
#include "shared/mime/header_section.h"
#include "shared/mime/transfer_encoding.h"
#include "shared/text/charset.h"
#include "shared/text/utf8.h"

namespace sekisho::mime {
namespace {

constexpr size_t kWordLine = 75;       // RFC 2047 §2
constexpr size_t kLongestWord = 2048;  // what we read: some mailers never split

struct Word {
  std::string charset;
  std::string octets;
  size_t end = 0;  // behind "?="
};

std::string DecodeQ(std::string_view text) {
  std::string octets;
  octets.reserve(text.size());
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '_') {
      octets += ' ';
    } else if (text[at] == '=' && at + 2 < text.size() && HexValue(text[at + 1]) >= 0 && HexValue(text[at + 2]) >= 0) {
      octets += static_cast<char>(HexValue(text[at + 1]) * 16 + HexValue(text[at + 2]));
      at += 2;
    } else {
      octets += text[at];
    }
  }
  return octets;
}

int Base64Value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

// Octets of what can be decoded; characters outside the alphabet are passed over, padding may be missing.
std::string DecodeB(std::string_view text) {
  std::string octets;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int value = Base64Value(c);
    if (value < 0) {
      if (c == '=') {
        bits = 0;
        count = 0;  // some encoders pad in the middle and go on
      }
      continue;
    }
    bits = bits << 6 | static_cast<uint32_t>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      octets += static_cast<char>(bits >> count & 0xFF);
    }
  }
  return octets;
}

// The encoded word that begins at utf8[at], which is "=?".
std::optional<Word> ReadWord(std::string_view utf8, size_t at) {
  const size_t charset_end = utf8.find('?', at + 2);
  if (charset_end == std::string_view::npos || charset_end == at + 2 || charset_end - at > 64) return std::nullopt;
  if (charset_end + 2 >= utf8.size() || utf8[charset_end + 2] != '?') return std::nullopt;
  const char encoding = utf8[charset_end + 1];
  const size_t size = utf8.substr(charset_end + 3, kLongestWord).find("?=");
  if (size == std::string_view::npos) return std::nullopt;
  const size_t end = charset_end + 3 + size;
  const std::string_view text = utf8.substr(charset_end + 3, end - charset_end - 3);
  Word word;
  const std::string_view charset = utf8.substr(at + 2, charset_end - at - 2);
  word.charset = AsciiLower(charset.substr(0, charset.find('*')));  // RFC 2231 §5: "charset*language"
  if (word.charset.find_first_of(" \t") != std::string::npos) return std::nullopt;
  if (encoding == 'B' || encoding == 'b') {
    word.octets = DecodeB(text);
  } else if (encoding == 'Q' || encoding == 'q') {
    word.octets = DecodeQ(text);
  } else {
    return std::nullopt;
  }
  word.end = end + 2;
  return word;
}

// Line ends and other controls inside encoded words have no business in a field.
void BlankControls(std::string& text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
}

bool NeedsEncoding(unsigned char octet) {
  return !((octet >= 'A' && octet <= 'Z') || (octet >= 'a' && octet <= 'z') || (octet >= '0' && octet <= '9') ||
           octet == '-' || octet == '!' || octet == '*' || octet == '+' ||
           octet == '/');  // RFC 2047 §5 (3), good in phrases too
}

}  // namespace

std::string ToUtf8(std::string_view value, bool& had_raw, const std::optional<text::Charset>& raw_charset) {
  std::string line = Unfold(value);
  had_raw = !text::IsAscii(line) || line.find_first_of("\x1B\x0E\x0F") != std::string::npos;
  if (!had_raw) return line;
  if (raw_charset && !text::IsAscii(line)) {
    if (text::Decoded decoded = text::Decode(*raw_charset, line); decoded.exact) return std::move(decoded.utf8);
  }
  return std::move(text::ReadAll(line, "").texts.front());
}

std::string DecodeWords(std::string_view utf8) {
  size_t next = utf8.find("=?");
  if (next == std::string_view::npos) return std::string(utf8);
  std::string out;
  size_t at = 0;
  while (next != std::string_view::npos) {
    std::optional<Word> word = ReadWord(utf8, next);
    if (!word) {
      next = utf8.find("=?", next + 2);
      continue;
    }
    out += utf8.substr(at, next - at);
    // Words of one charset are joined before they are decoded: careless mailers cut characters.
    std::string charset = word->charset, octets;
    for (;;) {
      octets += word->octets;
      at = word->end;
      next = std::min(utf8.find_first_not_of(" \t", at), utf8.size());
      if (utf8.substr(next, 2) != "=?") break;
      word = ReadWord(utf8, next);
      if (!word) break;
      if (word->charset != charset) {
        out += text::ReadAll(octets, charset).texts.front();
        charset = word->charset;
        octets.clear();
      }
    }
    out += text::ReadAll(octets, charset).texts.front();
    next = utf8.find("=?", at);
  }
  out += utf8.substr(at);
  return out;
}

std::string DecodeText(std::string_view value, const std::optional<text::Charset>& raw_charset) {
  bool had_raw = false;
  std::string text = ToUtf8(value, had_raw, raw_charset);
  if (text.find("=?") != std::string::npos) text = DecodeWords(text);
  BlankControls(text);
  return text;
}

std::string EncodeWords(std::string_view utf8, size_t column) {
  size_t encoded = 0;
  for (const char c : utf8) encoded += NeedsEncoding(static_cast<unsigned char>(c)) && c != ' ' ? 1 : 0;
  const bool base64 = encoded * 3 > utf8.size();
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  const std::string prefix = base64 ? "=?UTF-8?B?" : "=?UTF-8?Q?";
  std::string out, piece;
  const auto flush = [&] {
    if (!out.empty()) {
      out += "\r\n ";
      column = 1;
    }
    out += prefix + (base64 ? Base64Encode(piece) : piece) + "?=";
    piece.clear();
  };
  for (size_t at = 0; at < utf8.size();) {
    const size_t begin = at;
    text::NextCodePoint(utf8, at);
    const std::string_view character = utf8.substr(begin, at - begin);
    std::string written(character);
    if (!base64) {
      written.clear();
      for (const char c : character) {
        const auto octet = static_cast<unsigned char>(c);
        if (c == ' ') {
          written += '_';
        } else if (NeedsEncoding(octet)) {
          written += {'=', kHex[octet >> 4], kHex[octet & 15]};
        } else {
          written += c;
        }
      }
    }
    const size_t size = piece.size() + written.size();
    // A later line begins with one blank; the first where the caller stands.
    const size_t room = kWordLine - std::min(kWordLine - 40, out.empty() ? column : size_t{1}) - prefix.size() - 2;
    if (!piece.empty() && (base64 ? (size + 2) / 3 * 4 : size) > room) flush();
    piece += written;
  }
  if (!piece.empty() || out.empty()) flush();
  return out;
}

}  // namespace sekisho::mime
