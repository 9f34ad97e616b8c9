#include "shared/crypto/base64_lines.h"

#include <array>
#include <cstdint>

namespace sekisho::crypto {
namespace {

constexpr size_t kLineOctets = 57;  // 76 characters
constexpr size_t kLineChars = 78;   // with CRLF
constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// The two characters of each 12 bits.
constexpr std::array<std::array<char, 2>, 4096> kPairs = [] {
  std::array<std::array<char, 2>, 4096> pairs{};
  for (size_t i = 0; i < pairs.size(); ++i) pairs[i] = {kAlphabet[i >> 6], kAlphabet[i & 63]};
  return pairs;
}();

char* EncodeTriples(const unsigned char* in, size_t triples, char* out) {
  for (; triples > 0; --triples, in += 3, out += 4) {
    const auto& high = kPairs[static_cast<size_t>(in[0]) << 4 | in[1] >> 4];
    const auto& low = kPairs[static_cast<size_t>(in[1] & 15) << 8 | in[2]];
    out[0] = high[0];
    out[1] = high[1];
    out[2] = low[0];
    out[3] = low[1];
  }
  return out;
}

void EncodeLine(const char* octets, char* out) {
  out = EncodeTriples(reinterpret_cast<const unsigned char*>(octets), kLineOctets / 3, out);
  out[0] = '\r';
  out[1] = '\n';
}

}  // namespace

void Base64Lines::Append(std::string_view octets, std::string& out) {
  if (!carry_.empty()) {
    const size_t missing = kLineOctets - carry_.size();
    if (octets.size() < missing) {
      carry_ += octets;
      return;
    }
    carry_ += octets.substr(0, missing);
    octets.remove_prefix(missing);
    const size_t at = out.size();
    out.resize(at + kLineChars);
    EncodeLine(carry_.data(), out.data() + at);
    carry_.clear();
  }
  const size_t lines = octets.size() / kLineOctets;
  const size_t at = out.size();
  out.resize(at + lines * kLineChars);
  for (size_t i = 0; i < lines; ++i) EncodeLine(octets.data() + i * kLineOctets, out.data() + at + i * kLineChars);
  carry_ = octets.substr(lines * kLineOctets);
}

void Base64Lines::Finish(std::string& out) {
  if (carry_.empty()) return;
  const size_t rest = carry_.size() % 3;
  if (rest != 0) carry_.append(3 - rest, '\0');
  const size_t at = out.size();
  out.resize(at + carry_.size() / 3 * 4);
  EncodeTriples(reinterpret_cast<const unsigned char*>(carry_.data()), carry_.size() / 3, out.data() + at);
  if (rest != 0) out.replace(out.size() - (3 - rest), 3 - rest, 3 - rest, '=');
  out += "\r\n";
  carry_.clear();
}

}  // namespace sekisho::crypto
