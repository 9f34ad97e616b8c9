#include "shared/distributed/program.h"

#include <map>

#include "shared/config/sekisho.h"
#include "shared/distributed/back_ends.h"
#include "shared/rpc/channel.h"

namespace sekisho::distributed {
namespace {

// The configuration as one process has it.
config::v1::Config Own(config::v1::Config config, const config::v1::Service& own) {
  config.mutable_rpc()->set_address(own.rpc_address());
  if (own.has_tls()) {
    *config.mutable_rpc()->mutable_tls() = own.tls();
    config.mutable_rpc()->set_client_certificate_optional(true);  // people come with a token
  }
  if (!own.metrics_address().empty()) config.mutable_metrics()->set_address(own.metrics_address());
  return config;
}

using Channels = std::map<std::string, std::shared_ptr<grpc::Channel>, std::less<>>;

// To each of the other services; nothing is connected yet.
Result<Channels> OpenChannels(const config::v1::Config& config, const config::v1::Service& own) {
  Channels channels;
  for (const std::string_view service : config::kServices) {
    if (service == own.name()) continue;
    SEKISHO_TRY(channels[std::string(service)], rpc::OpenChannel(config, own, service));
  }
  return channels;
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
    SEKISHO_TRY(Channels channels, OpenChannels(config, own));
    runtime::HostOptions options;
    options.sandbox = sandbox;
    options.services = {service};
    options.open = [own](const config::v1::Config& all, const Clock& clock) { return Open(all, own, clock); };
    options.channel_to = [channels = std::move(channels)](std::string_view name) -> std::shared_ptr<grpc::Channel> {
      const auto found = channels.find(name);
      return found == channels.end() ? nullptr : found->second;
    };
    return runtime::MakeHost(Own(config, own), std::move(options));
  };
  return program;
}

}  // namespace sekisho::distributed
