#include "services/delivery/domain/route_table.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "shared/base/bytes.h"

namespace sekisho::delivery {
namespace {

Error Invalid(size_t index, const std::string& what) {
  return MakeError(Code::kInvalid, "delivery.routes[" + std::to_string(index) + "]: " + what);
}

// "host", "host:port", "192.0.2.1:25", "[2001:db8::1]:25".
bool ParseNextHop(std::string_view text, Route& route) {
  std::string_view port;
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == std::string_view::npos) return false;
    route.host = text.substr(1, end - 1);
    if (AsciiEqualsIgnoreCase(std::string_view(route.host).substr(0, 5), "IPv6:")) route.host.erase(0, 5);
    text.remove_prefix(end + 1);
    if (!text.empty()) {
      if (text.front() != ':') return false;
      port = text.substr(1);
      if (port.empty()) return false;
    }
  } else {
    const size_t colon = text.find(':');
    route.host = text.substr(0, colon);
    if (colon != std::string_view::npos) {
      port = text.substr(colon + 1);
      if (port.empty()) return false;
    }
  }
  if (route.host.empty()) return false;
  if (port.empty()) return true;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), route.port);
  return error == std::errc() && end == port.data() + port.size() && route.port != 0;
}

bool Names(std::string_view pattern, std::string_view domain) {
  if (pattern == "*") return true;
  if (pattern.starts_with('.')) return domain.size() > pattern.size() && domain.ends_with(pattern);
  return pattern == domain;
}

TlsMode ReadTlsMode(config::v1::Route::TlsMode mode) {
  switch (mode) {
    case config::v1::Route::REQUIRED:
      return TlsMode::kRequired;
    case config::v1::Route::NONE:
      return TlsMode::kNone;
    default:
      return TlsMode::kOpportunistic;
  }
}

}  // namespace

Result<RouteTable> RouteTable::Make(const config::v1::Delivery& config) {
  RouteTable table;
  std::set<std::string> names;
  for (const auto& configured : config.routes()) {
    const size_t index = table.routes_.size();
    Route route;
    for (const std::string& domain : configured.domains()) route.domains.push_back(AsciiLower(domain));
    if (route.domains.empty()) return Invalid(index, "domains: name at least one, or \"*\"");
    if (!ParseNextHop(configured.next_hop(), route)) {
      return Invalid(index, "next_hop: write \"host:port\" or \"[::1]:25\"");
    }
    route.name = configured.name().empty() ? configured.next_hop() : configured.name();
    if (!names.insert(route.name).second) return Invalid(index, "name: '" + route.name + "' is taken by another route");
    route.tls = ReadTlsMode(configured.tls());
    route.smart_host = configured.smart_host();
    route.user = configured.user();
    route.password_file = configured.password_file();
    if (route.user.empty() != route.password_file.empty()) {
      return Invalid(index, "user and password_file: give both or neither");
    }
    if (!route.user.empty() && route.tls != TlsMode::kRequired) {
      return Invalid(index, "tls: a password is only sent with REQUIRED");
    }
    table.routes_.push_back(std::move(route));
  }
  return table;
}

const Route* RouteTable::Find(std::string_view domain) const {
  for (const Route& route : routes_) {
    if (std::any_of(route.domains.begin(), route.domains.end(),
                    [&](const std::string& pattern) { return Names(pattern, domain); })) {
      return &route;
    }
  }
  return nullptr;
}

const Route* RouteTable::FindByName(std::string_view name) const {
  const auto found =
      std::find_if(routes_.begin(), routes_.end(), [&](const Route& route) { return route.name == name; });
  return found == routes_.end() ? nullptr : &*found;
}

std::string DomainOf(std::string_view address) {
  const size_t at = address.rfind('@');
  return at == std::string_view::npos ? std::string() : AsciiLower(address.substr(at + 1));
}

std::string DestinationName::Key() const {
  return std::string(kind == Kind::kRoute ? "route:" : "domain:") + (require_tls ? "requiretls:" : "any:") + name;
}

DestinationName DestinationOf(const RouteTable& routes, std::string_view address, bool require_tls) {
  std::string domain = DomainOf(address);
  if (const Route* route = routes.Find(domain)) return {DestinationName::Kind::kRoute, route->name, require_tls};
  return {DestinationName::Kind::kDomain, std::move(domain), require_tls};
}

}  // namespace sekisho::delivery
