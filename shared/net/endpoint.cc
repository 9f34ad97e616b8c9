#include <boost/asio/ip/address.hpp>
#include <charconv>

#include "shared/net/listener.h"

namespace sekisho::net {

Result<Endpoint> ParseEndpoint(std::string_view text) {
  const auto wrong = [&] {
    return MakeError(Code::kInvalid, "'" + std::string(text.substr(0, 60)) +
                                         "' is not an address with a port; write it like 127.0.0.1:25 or [::1]:25");
  };
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong();
  std::string_view host = text.substr(0, colon);
  const std::string_view number = text.substr(colon + 1);
  Endpoint endpoint;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), endpoint.port);
  if (error != std::errc() || end != number.data() + number.size()) return wrong();
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  boost::system::error_code bad;
  const auto address = boost::asio::ip::make_address(host == "localhost" ? "127.0.0.1" : std::string(host), bad);
  if (bad || address.is_v6() != bracketed) return wrong();
  endpoint.address = address.to_string();
  endpoint.loopback = address.is_loopback();
  return endpoint;
}

}  // namespace sekisho::net
