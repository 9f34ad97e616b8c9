#include "shared/distributed/program.h"

#include "shared/distributed/back_ends.h"

namespace sekisho::distributed {
namespace {

// The server's own part of the configuration.
config::v1::Rpc RpcOf(const config::v1::Config& config, const config::v1::Service& own) {
  config::v1::Rpc rpc = config.rpc();
  rpc.set_address(own.rpc_address());
  if (own.has_tls()) {
    *rpc.mutable_tls() = own.tls();
    rpc.set_client_certificate_optional(true);  // people come with a token
  }
  return rpc;
}

}  // namespace

runtime::Program MakeProgram(std::string description, runtime::Hosted service, bool sandbox) {
  runtime::Program program;
  program.name = "sekisho-" + service.name;
  program.description = std::move(description);
  program.service = service.name;
  program.make = [service = std::move(service), sandbox](
                     const config::v1::Config& config,
                     const config::v1::Service& own) -> Result<std::unique_ptr<runtime::App>> {
    runtime::HostOptions options;
    options.rpc = RpcOf(config, own);
    options.metrics_address = own.metrics_address().empty() ? config.metrics().address() : own.metrics_address();
    options.sandbox = sandbox;
    options.services = {service};
    options.open = [own](const config::v1::Config& all, const Clock& clock) { return Open(all, own, clock); };
    return runtime::MakeHost(config, std::move(options));
  };
  return program;
}

}  // namespace sekisho::distributed
