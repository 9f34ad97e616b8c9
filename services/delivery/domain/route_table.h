#pragma once
// Which way a domain's mail goes: the first configured route that names it, else its MX. Pure.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sekisho/config/v1/config.pb.h"
#include "shared/base/result.h"

namespace sekisho::delivery {

enum class TlsMode {
  kNone,
  kOpportunistic,  // encrypted when the peer can, whoever it says it is (RFC 7435)
  kRequired,       // encrypted to a peer that the trust file vouches for, or not at all
};

// A configured way.
struct Route {
  std::string name;
  std::vector<std::string> domains;  // lower case; "example.jp", ".example.jp" (its subdomains), "*"
  std::string host;                  // a name or an address without brackets
  uint16_t port = 25;
  TlsMode tls = TlsMode::kOpportunistic;
  bool smart_host = false;
  std::string user;
  std::string password_file;
};

class RouteTable {
 public:
  // Errors: kInvalid, naming the key of the configuration: a route without domains or next hop, two of one
  // name, a password that might be sent in clear.
  static Result<RouteTable> Make(const config::v1::Delivery& config);

  // The route of `domain` (A-labels, lower case), or nullptr: by MX.
  const Route* Find(std::string_view domain) const;
  // The route of that name, or nullptr.
  const Route* FindByName(std::string_view name) const;

  const std::vector<Route>& routes() const { return routes_; }

 private:
  std::vector<Route> routes_;
};

// The domain of an address: what follows its last "@", lower case; empty when there is none.
std::string DomainOf(std::string_view address);

// What queue and connections are kept by: a route, or a domain that goes by MX; apart from them, what asks for
// REQUIRETLS, since a connection that does for other mail need not do for it.
struct DestinationName {
  enum class Kind { kRoute, kDomain };
  Kind kind = Kind::kDomain;
  std::string name;
  bool require_tls = false;

  std::string Display() const { return require_tls ? name + " (REQUIRETLS)" : name; }
  // Tells every destination from every other.
  std::string Key() const;
  auto operator<=>(const DestinationName&) const = default;
};
DestinationName DestinationOf(const RouteTable& routes, std::string_view address, bool require_tls);

}  // namespace sekisho::delivery
