#pragma once
// TLS settings made once and shared by connections: TLS 1.2 and up, no renegotiation, no compression.

#include <memory>
#include <string>

#include "shared/base/result.h"

namespace boost::asio::ssl {
class context;
}

namespace sekisho::net {

class TlsContext {
 public:
  struct ServerFiles {
    std::string certificate_file;            // PEM, with its chain
    std::string key_file;                    // PEM
    std::string client_ca_file;              // when set: client certificates are asked for, and checked where given
    bool ask_client_certificate = false;     // without a CA: for relays known by fingerprint
    bool demand_client_certificate = false;  // with a CA: a client without one is refused
    bool http2 = false;                      // ALPN: "h2", and nothing else
  };
  // Errors: kInvalid, naming the file.
  static Result<std::shared_ptr<TlsContext>> ForServer(const ServerFiles& files);

  // `trust_file`: PEM; empty: the system's. Verification is asked for by each connection.
  static Result<std::shared_ptr<TlsContext>> ForClient(const std::string& trust_file);

  boost::asio::ssl::context& context() const { return *context_; }

 private:
  explicit TlsContext(std::shared_ptr<boost::asio::ssl::context> context) : context_(std::move(context)) {}
  std::shared_ptr<boost::asio::ssl::context> context_;
};

}  // namespace sekisho::net
