#pragma once
// One gRPC server for the services of this process: limits, TLS, health, a gate before it, and an in-process channel by
// which they ask each other as they would ask another process.

#include <grpcpp/channel.h>
#include <grpcpp/impl/service_type.h>

#include <memory>
#include <string>
#include <vector>

#include "sekisho/config/v1/config.pb.h"
#include "shared/base/clock.h"
#include "shared/base/result.h"

namespace sekisho::rpc {

inline constexpr int kMaxUnaryOctets = 4 << 20;

class Server {
 public:
  // `services` outlive it. Certificate files that change are used without a restart. Errors: kNotFound and kPermission
  // (TLS files; others can read the key), kUnavailable (the address is taken).
  static Result<std::unique_ptr<Server>> Start(const config::v1::Rpc& config,
                                               const std::vector<grpc::Service*>& services);
  virtual ~Server() = default;

  virtual int port() const = 0;  // as bound
  // A channel into this server without a socket; valid until Stop.
  virtual std::shared_ptr<grpc::Channel> InProcessChannel() = 0;
  virtual void SetServing(bool serving) = 0;  // grpc.health.v1
  // Refuses new calls, gives those under way `limit`, then cuts them. Idempotent.
  virtual void Stop(Duration limit) = 0;
};

}  // namespace sekisho::rpc
