#include "shared/mime/transfer_encoding.h"

#include <algorithm>

#include "shared/base/bytes.h"
#include "shared/text/utf8.h"

namespace sekisho::mime {
namespace {

constexpr size_t kPiece = 64 << 10;
constexpr uint8_t kWrong = 0xFF, kBlank = 0xFE, kPad = 0xFD;

constexpr std::array<uint8_t, 256> kBase64 = [] {
  std::array<uint8_t, 256> table{};
  for (auto& entry : table) entry = kWrong;
  for (uint8_t i = 0; i < 26; ++i) {
    table['A' + i] = i;
    table['a' + i] = static_cast<uint8_t>(26 + i);
  }
  for (uint8_t i = 0; i < 10; ++i) table['0' + i] = static_cast<uint8_t>(52 + i);
  table['+'] = 62;
  table['/'] = 63;
  for (const char c : {' ', '\t', '\r', '\n'}) table[static_cast<uint8_t>(c)] = kBlank;
  table['='] = kPad;
  return table;
}();

// Gathers octets and hands them on when there are enough.
class Out {
 public:
  explicit Out(const Sink& sink, size_t expected) : sink_(sink), room_(std::clamp(expected, size_t{64}, kPiece)) {
    buffer_.resize(room_);
  }

  // Where up to `size` octets may be written next; Commit says how many were.
  char* Room() { return buffer_.data() + size_; }
  void Commit(size_t size) { size_ += size; }
  bool HasRoom(size_t size) const { return room_ - size_ >= size; }
  Status Flush() {
    if (size_ == 0) return Ok();
    const size_t size = std::exchange(size_, 0);
    return sink_(std::string_view(buffer_.data(), size));
  }

 private:
  const Sink& sink_;
  size_t room_;
  std::string buffer_;
  size_t size_ = 0;
};

Status DecodeBase64(std::string_view body, const Sink& sink) {
  Out out(sink, body.size() / 4 * 3 + 8);
  const auto* at = reinterpret_cast<const uint8_t*>(body.data());
  const auto* const end = at + body.size();
  uint32_t quantum = 0;
  int filled = 0;   // characters of the quantum so far
  int padding = 0;  // "=" seen; nothing may follow the last
  while (at != end) {
    // Whole quanta inside a line: nearly all of every part.
    if (filled == 0 && padding == 0) {
      while (end - at >= 4 && out.HasRoom(3)) {
        const uint8_t a = kBase64[at[0]], b = kBase64[at[1]], c = kBase64[at[2]], d = kBase64[at[3]];
        if (((a | b | c | d) & 0x80) != 0) break;
        const uint32_t value =
            static_cast<uint32_t>(a) << 18 | static_cast<uint32_t>(b) << 12 | static_cast<uint32_t>(c) << 6 | d;
        char* const to = out.Room();
        to[0] = static_cast<char>(value >> 16);
        to[1] = static_cast<char>(value >> 8);
        to[2] = static_cast<char>(value);
        out.Commit(3);
        at += 4;
      }
      if (at == end) break;
    }
    if (!out.HasRoom(3)) SEKISHO_RETURN_IF_ERROR(out.Flush());
    const uint8_t value = kBase64[*at++];
    if (value == kBlank) continue;
    if (value == kWrong)
      return MakeError(Code::kMalformed, "its base64 holds characters outside the alphabet; encode it anew");
    if (value == kPad) {
      ++padding;
      if (filled + padding > 4 || filled < 2)
        return MakeError(Code::kMalformed, "its base64 is padded wrongly; encode it anew");
      continue;
    }
    if (padding > 0) return MakeError(Code::kMalformed, "its base64 goes on behind the padding; encode it anew");
    quantum = quantum << 6 | value;
    if (++filled == 4) {
      char* const to = out.Room();
      to[0] = static_cast<char>(quantum >> 16);
      to[1] = static_cast<char>(quantum >> 8);
      to[2] = static_cast<char>(quantum);
      out.Commit(3);
      quantum = 0;
      filled = 0;
    }
  }
  if (filled != 0) {
    if (filled + padding != 4) return MakeError(Code::kMalformed, "its base64 ends in the middle; encode it anew");
    if (!out.HasRoom(3)) SEKISHO_RETURN_IF_ERROR(out.Flush());
    char* const to = out.Room();
    to[0] = static_cast<char>(filled == 2 ? quantum >> 4 : quantum >> 10);
    if (filled == 3) to[1] = static_cast<char>(quantum >> 2);
    out.Commit(static_cast<size_t>(filled) - 1);
  }
  return out.Flush();
}

// The size of a soft line break's rest, blanks and CRLF behind the "="; 0 when it is none.
size_t SoftBreak(std::string_view rest) {
  const size_t blanks = std::min(rest.find_first_not_of(" \t"), rest.size());
  if (rest.substr(blanks, 2) == "\r\n") return blanks + 2;
  return blanks == rest.size() ? std::max<size_t>(blanks, 1) : 0;  // the body's end serves as well
}

Status DecodeQuotedPrintable(std::string_view body, const Sink& sink) {
  Out out(sink, body.size());
  for (size_t at = 0; at < body.size();) {
    if (!out.HasRoom(1)) SEKISHO_RETURN_IF_ERROR(out.Flush());
    const char c = body[at];
    if (c != '=') {
      *out.Room() = c;
      out.Commit(1);
      ++at;
      continue;
    }
    const int high = at + 1 < body.size() ? HexValue(body[at + 1]) : -1,
              low = at + 2 < body.size() ? HexValue(body[at + 2]) : -1;
    if (high >= 0 && low >= 0) {
      *out.Room() = static_cast<char>(high * 16 + low);
      out.Commit(1);
      at += 3;
      continue;
    }
    const size_t skipped = SoftBreak(body.substr(at + 1));
    if (skipped == 0)
      return MakeError(Code::kMalformed, "its quoted-printable holds a \"=\" that encodes nothing; encode it anew");
    at += 1 + skipped;
  }
  return out.Flush();
}

}  // namespace

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

Status DecodeTransfer(TransferEncoding encoding, std::string_view body, const Sink& sink) {
  if (encoding == TransferEncoding::kBase64) return DecodeBase64(body, sink);
  if (encoding == TransferEncoding::kQuotedPrintable) return DecodeQuotedPrintable(body, sink);
  for (size_t at = 0; at < body.size(); at += kPiece) SEKISHO_RETURN_IF_ERROR(sink(body.substr(at, kPiece)));
  return Ok();
}

std::string EncodeBase64Lines(std::string_view octets) {
  std::string out;
  AppendBase64Lines(octets, out);
  return out;
}

void AppendBase64Lines(std::string_view octets, std::string& out) {
  static constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  constexpr size_t kOctetsPerLine = 57;
  const size_t groups = (octets.size() + 2) / 3, lines = (octets.size() + kOctetsPerLine - 1) / kOctetsPerLine;
  size_t to = out.size();
  out.resize(to + groups * 4 + lines * 2);
  for (size_t at = 0; at < octets.size();) {
    const size_t left = octets.size() - at;
    const auto octet = [&](size_t i) {
      return i < left ? static_cast<uint32_t>(static_cast<unsigned char>(octets[at + i])) : 0;
    };
    const uint32_t value = octet(0) << 16 | octet(1) << 8 | octet(2);
    out[to] = kAlphabet[value >> 18];
    out[to + 1] = kAlphabet[value >> 12 & 63];
    out[to + 2] = left > 1 ? kAlphabet[value >> 6 & 63] : '=';
    out[to + 3] = left > 2 ? kAlphabet[value & 63] : '=';
    to += 4;
    at += 3;
    if (at % kOctetsPerLine == 0 || at >= octets.size()) {
      out[to++] = '\r';
      out[to++] = '\n';
    }
  }
}

std::string EncodeQuotedPrintable(std::string_view text) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  constexpr size_t kLine = 75;  // and the "=" of a soft break
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  size_t column = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text.substr(at, 2) == "\r\n") {
      out += "\r\n";
      column = 0;
      ++at;
      continue;
    }
    const auto octet = static_cast<unsigned char>(text[at]);
    const bool ends_line = at + 1 == text.size() || text.substr(at + 1, 2) == "\r\n";
    const bool begins_trap = column == 0 && (text.substr(at, 5) == "From " || octet == '.');
    const bool plain = octet > 32 && octet < 127 && octet != '=' && !begins_trap;
    const bool blank = (octet == ' ' || octet == '\t') && !ends_line;
    const size_t size = plain || blank ? 1 : 3;
    if (column + size > kLine) {
      out += "=\r\n";
      column = 0;
    }
    if (size == 1) {
      out += text[at];
    } else {
      out += {'=', kHex[octet >> 4], kHex[octet & 15]};
    }
    column += size;
  }
  return out;
}

TransferEncoding ChooseEncoding(std::string_view content, bool is_text) {
  if (!is_text) return TransferEncoding::kBase64;
  size_t high = 0, longest = 0, line = 0;
  bool stray = false;
  for (size_t at = 0; at < content.size(); ++at) {
    const auto octet = static_cast<unsigned char>(content[at]);
    if (octet == '\r' && at + 1 < content.size() && content[at + 1] == '\n') {
      ++at;
      line = 0;
      continue;
    }
    if (octet >= 0x80) ++high;
    if (octet == '\r' || octet == '\n' || octet == 0) stray = true;
    longest = std::max(longest, ++line);
  }
  if (stray || high * 6 > content.size()) return TransferEncoding::kBase64;
  if (high > 0 || longest > 76) return TransferEncoding::kQuotedPrintable;
  return TransferEncoding::k7Bit;
}

std::string_view TransferEncodingName(TransferEncoding encoding) {
  switch (encoding) {
    case TransferEncoding::k7Bit:
      return "7bit";
    case TransferEncoding::k8Bit:
      return "8bit";
    case TransferEncoding::kBinary:
      return "binary";
    case TransferEncoding::kBase64:
      return "base64";
    case TransferEncoding::kQuotedPrintable:
      return "quoted-printable";
  }
  SEKISHO_CHECK(false);
  return "";
}

}  // namespace sekisho::mime
