#pragma once
// Records read from their wire form. Pure. What is too short, too long or points nowhere is refused (kMalformed).

#include <cstdint>
#include <string>
#include <string_view>

#include "shared/base/result.h"

namespace sekisho::dns {

struct Mx {  // RFC 1035 §3.3.9
  uint16_t preference = 0;
  std::string exchange;  // lower case, without the last dot; empty: the root, which RFC 7505 gives a meaning

  bool operator==(const Mx&) const = default;
};

struct Tlsa {  // RFC 6698 §2.1
  uint8_t usage = 0;
  uint8_t selector = 0;
  uint8_t matching_type = 0;
  std::string association;  // octets

  bool operator==(const Tlsa&) const = default;
};

Result<std::string> ReadA(std::string_view rdata);     // "192.0.2.1"
Result<std::string> ReadAaaa(std::string_view rdata);  // "2001:db8::1"
Result<std::string> ReadTxt(std::string_view rdata);   // its character-strings joined
Result<Mx> ReadMx(std::string_view rdata);
Result<Tlsa> ReadTlsa(std::string_view rdata);

// An address in its textual form, or nothing: "192.0.2.1", "2001:db8::1".
bool IsIpAddress(std::string_view text);

// Whether `name` is one that can be asked for: labels of 1 to 63 octets, 253 in all (RFC 1035 §2.3.4), no control,
// space, backslash or quote.
bool IsDomainName(std::string_view name);

}  // namespace sekisho::dns
