#pragma once
// Where a domain's mail goes: its hosts in the order to try them (RFC 5321 §5.1, RFC 7505), and their addresses.
// Callbacks run on the resolver's thread, or on the caller's when no lookup is needed.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "shared/dns/records.h"
#include "shared/dns/resolver.h"

namespace sekisho::dns {

struct MailHosts {
  std::vector<std::string> names;  // try in this order; an address for an address literal
  bool secure = false;             // the MX records, or their absence, were proved by DNSSEC
  bool implicit = false;           // the domain has no MX: itself is its host
  std::chrono::seconds ttl{0};
};

struct Addresses {
  std::vector<std::string> addresses;  // IPv6 first; textual form
  bool secure = false;
  std::chrono::seconds ttl{0};
};

// The hosts of `domain`: A-labels, or an address literal "[192.0.2.1]", "[IPv6:2001:db8::1]" (RFC 5321 §4.1.3).
// Hosts with the same preference come in random order. When one of them is `own_name`, it and all that are not
// preferred to it are left out (§5.1: mail must not come back to us). Errors: those of Resolver; kNotFound (the domain
// does not exist); kUnsupported (null MX: it takes no mail); kPrecondition (only we ourselves are left); kInvalid (not
// a domain).
void FindMailHosts(Resolver& resolver, const std::string& domain, std::string_view own_name, Duration limit,
                   std::function<void(Result<MailHosts>)> done);

// IPv6 and IPv4 addresses of a host; asked for both at once. When only one of the two questions is answered, its
// addresses are used. Errors: those of Resolver; kNotFound (no such host, or no address).
void FindAddresses(Resolver& resolver, const std::string& host, Duration limit,
                   std::function<void(Result<Addresses>)> done);

// The order of FindMailHosts. Pure but for the dice; `random(n)` gives a number below n. Errors: kUnsupported,
// kPrecondition.
Result<std::vector<std::string>> OrderMailHosts(std::vector<Mx> records, std::string_view own_name,
                                                const std::function<uint64_t(uint64_t)>& random);

// "[192.0.2.1]" → "192.0.2.1", "[IPv6:2001:db8::1]" → "2001:db8::1". Errors: kInvalid.
Result<std::string> ParseAddressLiteral(std::string_view domain);

}  // namespace sekisho::dns
