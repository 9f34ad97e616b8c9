#include "shared/net/address_key.h"

#include <arpa/inet.h>

#include "shared/base/bytes.h"

namespace sekisho::net {

std::string AddressKey(const std::string& address) {
  in6_addr octets{};
  if (inet_pton(AF_INET6, address.c_str(), &octets) != 1) return address;
  return HexEncode({reinterpret_cast<const char*>(octets.s6_addr), 8});
}

}  // namespace sekisho::net
