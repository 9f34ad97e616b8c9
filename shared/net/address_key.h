#pragma once
// What counts as one client where clients are counted: an IPv4 address, or an IPv6 /64, of which a client has all.
// Other text is its own key.

#include <string>

namespace sekisho::net {

std::string AddressKey(const std::string& address);

}  // namespace sekisho::net
