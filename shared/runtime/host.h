#pragma once
// The program around services: back ends, one gRPC server, health, metrics, and the order in which all that starts and
// stops. One service in a process of its own and all of them in one are hosted by the same code.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "shared/bus/bus.h"
#include "shared/bus/tail.h"
#include "shared/content/content.h"
#include "shared/keys/keys.h"
#include "shared/runtime/program.h"
#include "shared/runtime/service.h"
#include "shared/store/store.h"

namespace sekisho::runtime {

// Where state lies. Members die in reverse order.
struct BackEnds {
  std::unique_ptr<keys::KeyRing> keys;
  std::unique_ptr<store::Database> database;
  std::vector<std::shared_ptr<void>> guards;  // what the bus leans on
  std::unique_ptr<bus::Bus> bus;
  bus::OpenTail open_tail;
  std::unique_ptr<content::Store> content;
  // Records that this process has not handed to the bus's servers yet; null where the bus has none.
  std::function<uint64_t()> unpublished;
};

struct Hosted {
  std::string name;  // "policy"
  std::function<std::unique_ptr<Service>(const Environment&)> make;
};

struct HostOptions {
  bool sandbox = false;  // some service needs one
  // In the order in which mail passes them: drained so, started the other way round, so that who takes comes first.
  std::vector<Hosted> services;
  std::function<Result<BackEnds>(const config::v1::Config&, const Clock&)> open;
  // A channel to a service that is not hosted here; null where there is none.
  std::function<std::shared_ptr<grpc::Channel>(std::string_view service)> channel_to;
};

// `config.rpc` and `config.metrics` are this process's.
std::unique_ptr<App> MakeHost(const config::v1::Config& config, HostOptions options);

}  // namespace sekisho::runtime
