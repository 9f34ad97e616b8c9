#pragma once
// What each of the services is to the program that hosts it, alone or beside the others.

#include <grpcpp/channel.h>
#include <grpcpp/impl/service_type.h>

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "sekisho/config/v1/config.pb.h"
#include "shared/content/content.h"
#include "shared/directory/directory.h"
#include "shared/net/io_pool.h"
#include "shared/rpc/auth.h"
#include "shared/sandbox/sandbox.h"
#include "shared/stage/stage.h"

namespace sekisho::runtime {

// What a service is given. All outlives it. `config` has its defaults filled in.
struct Environment {
  const config::v1::Config& config;
  stage::Surroundings surroundings;
  content::Store& content;
  directory::Directory& directory;
  sandbox::Sandbox* sandbox;  // null unless the host was told that a service needs it
  const rpc::Authenticator& authenticator;
  net::IoPool& io;
  // A channel to another service; asked at each call, since in one process it exists only once the server runs.
  std::function<std::shared_ptr<grpc::Channel>(std::string_view service)> channel_to;
  // Records that wait for `service`, as far as this process can know without asking anybody; cheap.
  std::function<uint64_t(std::string_view service)> backlog_of;
};

class Service {
 public:
  virtual ~Service() = default;  // Drains

  // Makes the tables, takes its topics, starts its timers. Errors say what is wrong and the remedy.
  virtual Status Start() = 0;
  // Doors other than gRPC: opened when all services of the process run, closed before any of them drains.
  virtual Status OpenDoors() { return Ok(); }
  virtual void CloseDoors(Duration /*limit*/) {}
  // Takes nothing new, finishes what is under way within `limit`. Idempotent.
  virtual void Drain(Duration limit) = 0;

  // After Start.
  virtual std::vector<grpc::Service*> rpcs() = 0;
  virtual stage::Stage& stage() = 0;
};

}  // namespace sekisho::runtime
