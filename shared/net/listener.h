#pragma once
// Accepts TCP connections on one address and spreads them over the loops of a pool.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "shared/base/result.h"
#include "shared/net/io_pool.h"
#include "shared/net/stream.h"

namespace sekisho::net {

class Listener {
 public:
  using Accepted = std::function<void(Stream)>;  // called on the stream's loop

  // `address`: "127.0.0.1:5587", "[::1]:5587"; port 0: any free one. The pool outlives the listener.
  // Errors: kInvalid (not an address), kUnavailable (in use), kPermission.
  static Result<std::unique_ptr<Listener>> Open(IoPool& pool, std::string_view address, Accepted accepted);
  ~Listener();  // Close()

  std::string address() const;  // as bound, with its port
  uint16_t port() const;

  // Accepts no more; the port is free when it returns. One that was accepted just before may still be handed over.
  // Not to be called on a thread of the pool. Idempotent.
  void Close();

 private:
  struct Impl;
  explicit Listener(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<Impl> impl_;
};

// "127.0.0.1:5587", "[::1]:5587" and "localhost:5587" into an address and a port. Errors: kInvalid.
struct Endpoint {
  std::string address;
  uint16_t port = 0;
  bool loopback = false;
};
Result<Endpoint> ParseEndpoint(std::string_view text);

}  // namespace sekisho::net
