// Readers of DNS records take any octets: they refuse or read, and what is read holds what its header promises.

#include <cstdint>
#include <string_view>

#include "shared/dns/mail_hosts.h"
#include "shared/dns/records.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* octets, size_t size) {
  using namespace sekisho;
  const std::string_view input(reinterpret_cast<const char*>(octets), size);
  if (const auto mx = dns::ReadMx(input); mx.ok()) {
    SEKISHO_CHECK(mx->exchange.size() <= 253 &&
                  mx->exchange.find_first_of(std::string_view(" \r\n\0", 4)) == std::string::npos);
  }
  if (const auto txt = dns::ReadTxt(input); txt.ok()) SEKISHO_CHECK(txt->size() < size);
  static_cast<void>(dns::ReadA(input));
  static_cast<void>(dns::ReadAaaa(input));
  static_cast<void>(dns::ReadTlsa(input));
  if (const auto literal = dns::ParseAddressLiteral(input); literal.ok()) SEKISHO_CHECK(dns::IsIpAddress(*literal));
  static_cast<void>(dns::IsDomainName(input));
  return 0;
}
