#include "shared/dns/records.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "shared/base/bytes.h"

namespace sekisho::dns {
namespace {

Error Malformed(const char* what) { return MakeError(Code::kMalformed, std::string("DNS record: ") + what); }

uint16_t ReadUint16(std::string_view octets) {
  return static_cast<uint16_t>(static_cast<unsigned char>(octets[0]) << 8 | static_cast<unsigned char>(octets[1]));
}

// An uncompressed name that fills `wire` exactly.
Result<std::string> ReadName(std::string_view wire) {
  std::string name;
  for (;;) {
    if (wire.empty()) return Malformed("a name ends too early");
    const size_t length = static_cast<unsigned char>(wire[0]);
    wire.remove_prefix(1);
    if (length == 0) break;
    if (length > 63 || length > wire.size()) return Malformed("a label is too long");
    if (!name.empty()) name += '.';
    for (const char c : wire.substr(0, length)) {
      // A dot inside a label would read as two labels.
      if (static_cast<unsigned char>(c) <= 0x20 || c == '.' || c == 0x7f)
        return Malformed("a name has a character no host has");
      name += c;
    }
    wire.remove_prefix(length);
    if (name.size() > 253) return Malformed("a name is too long");
  }
  if (!wire.empty()) return Malformed("octets follow a name");
  return AsciiLower(name);
}

template <int kFamily, size_t kSize>
Result<std::string> ReadAddress(std::string_view rdata) {
  if (rdata.size() != kSize) return Malformed("an address has the wrong size");
  char text[INET6_ADDRSTRLEN];
  SEKISHO_CHECK(inet_ntop(kFamily, rdata.data(), text, sizeof text) != nullptr);
  return std::string(text);
}

}  // namespace

Result<std::string> ReadA(std::string_view rdata) { return ReadAddress<AF_INET, 4>(rdata); }
Result<std::string> ReadAaaa(std::string_view rdata) { return ReadAddress<AF_INET6, 16>(rdata); }

Result<std::string> ReadTxt(std::string_view rdata) {
  std::string text;
  if (rdata.empty()) return Malformed("TXT is empty");
  while (!rdata.empty()) {
    const size_t length = static_cast<unsigned char>(rdata[0]);
    rdata.remove_prefix(1);
    if (length > rdata.size()) return Malformed("a character-string ends too early");
    text += rdata.substr(0, length);
    rdata.remove_prefix(length);
  }
  return text;
}

Result<Mx> ReadMx(std::string_view rdata) {
  if (rdata.size() < 3) return Malformed("MX is too short");
  SEKISHO_TRY(std::string exchange, ReadName(rdata.substr(2)));
  return Mx{ReadUint16(rdata), std::move(exchange)};
}

Result<Tlsa> ReadTlsa(std::string_view rdata) {
  if (rdata.size() < 4) return Malformed("TLSA is too short");
  return Tlsa{static_cast<uint8_t>(rdata[0]), static_cast<uint8_t>(rdata[1]), static_cast<uint8_t>(rdata[2]),
              std::string(rdata.substr(3))};
}

bool IsIpAddress(std::string_view text) {
  const std::string copy(text);
  unsigned char octets[sizeof(in6_addr)];
  return inet_pton(AF_INET, copy.c_str(), octets) == 1 || inet_pton(AF_INET6, copy.c_str(), octets) == 1;
}

bool IsDomainName(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty() || name.size() > 253) return false;
  size_t label = 0;
  for (const char c : name) {
    const auto octet = static_cast<unsigned char>(c);
    if (c == '.') {
      if (label == 0) return false;
      label = 0;
    } else if (octet <= 0x20 || octet >= 0x7f || c == '\\' || c == '"' || ++label > 63) {
      return false;
    }
  }
  return label > 0;
}

}  // namespace sekisho::dns
