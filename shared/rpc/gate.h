#pragma once
// Stands before a gRPC server, whose library limits neither connections nor floods: accepts, ends TLS, counts
// connections, and passes on what Http2Check lets through. Threads of its own; nothing blocks in them.

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "shared/base/result.h"
#include "shared/net/tls_context.h"

namespace sekisho::rpc {

struct GateOptions {
  std::string address;                   // "127.0.0.1:50051"; port 0: any free one
  std::shared_ptr<net::TlsContext> tls;  // null: in the clear
  size_t max_connections = 1000;
  size_t max_connections_per_address = 400;  // an IPv6 /64 counts as one address
};

class Gate {
 public:
  // Takes a connected socket, to close it in the end; peers.h knows who is behind it, by what its getpeername says.
  using HandOver = std::function<void(int socket)>;

  // Listens from now on. Errors: kInvalid, kUnavailable (the address is taken), kPermission.
  static Result<std::unique_ptr<Gate>> Open(GateOptions options, HandOver hand_over);
  ~Gate();  // cuts all connections

  int port() const;
  // Accepts no more; what is connected stays so. Idempotent.
  void Close();
  // For those who connect from now on.
  void UseTls(std::shared_ptr<net::TlsContext> tls);

 private:
  struct Impl;
  explicit Gate(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace sekisho::rpc
