#include "shared/rpc/channel.h"

#include <arpa/inet.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>

#include "shared/config/sekisho.h"
#include "shared/observe/traceparent.h"
#include "shared/rpc/auth.h"
#include "shared/rpc/server.h"

namespace sekisho::rpc {
namespace {

constexpr unsigned int kReadCertificatesEverySeconds = 2;
constexpr auto kMostMargin = std::chrono::milliseconds(100);

bool IsLiteral(int family, const std::string& host) {
  in6_addr address;
  return inet_pton(family, host.c_str(), &address) == 1;
}

// As the library's name resolvers want it.
Result<std::string> TargetOf(const std::vector<std::string>& addresses, bool secured) {
  std::string v4, v6, names;
  int kinds = 0;
  const auto add = [&](std::string& list, const std::string& text) {
    if (list.empty()) ++kinds;
    list += (list.empty() ? "" : ",") + text;
  };
  for (const std::string& address : addresses) {
    SEKISHO_TRY(config::HostPort at, config::ParseHostPort(address));
    if (!secured && !config::IsLoopback(at.host)) {
      return MakeError(Code::kInvalid, address + " is not a loopback address: give this service a certificate (tls)");
    }
    if (at.host == "localhost") at.host = "127.0.0.1";
    const std::string port = ":" + std::to_string(at.port);
    if (IsLiteral(AF_INET, at.host))
      add(v4, at.host + port);
    else if (IsLiteral(AF_INET6, at.host))
      add(v6, "[" + at.host + "]" + port);
    else
      add(names, at.host + port);
  }
  if (kinds != 1 || names.find(',') != std::string::npos) {
    return MakeError(Code::kInvalid,
                     "a service is reached by one name, or by address literals of one family; give its instances one "
                     "name that stands for all of their addresses");
  }
  if (!v4.empty()) return "ipv4:" + v4;
  if (!v6.empty()) return "ipv6:" + v6;
  return "dns:///" + names;
}

Result<std::shared_ptr<grpc::ChannelCredentials>> CredentialsOf(const config::v1::Tls& tls) {
  namespace experimental = grpc::experimental;
  for (const std::string& file : {tls.certificate_file(), tls.client_ca_file()}) {
    SEKISHO_RETURN_IF_ERROR(config::ReadWholeFile(file));
  }
  SEKISHO_RETURN_IF_ERROR(config::ReadSecretFile(tls.key_file()));
  experimental::TlsChannelCredentialsOptions options;
  options.set_certificate_provider(std::make_shared<experimental::FileWatcherCertificateProvider>(
      tls.key_file(), tls.certificate_file(), tls.client_ca_file(), kReadCertificatesEverySeconds));
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  return experimental::TlsCredentials(options);
}

// https://github.com/grpc/grpc-proto, grpc.service_config.ServiceConfig.
std::string ServiceConfig() {
  std::string methods;
  for (const std::string_view path : ReadMethods()) {
    const size_t slash = path.rfind('/');
    methods += std::string(methods.empty() ? "" : ",") + R"({"service":")" + std::string(path.substr(1, slash - 1)) +
               R"(","method":")" + std::string(path.substr(slash + 1)) + R"("})";
  }
  return R"({"loadBalancingConfig":[{"round_robin":{}}],)"
         R"("retryThrottling":{"maxTokens":10,"tokenRatio":0.1},)"
         R"("methodConfig":[{"name":[)" +
         methods +
         R"(],"retryPolicy":{"maxAttempts":3,"initialBackoff":"0.1s","maxBackoff":"1s","backoffMultiplier":3,)"
         R"("retryableStatusCodes":["UNAVAILABLE"]}}]})";
}

std::string_view MetadataOf(const grpc::ServerContextBase& context, const char* name) {
  const auto found = context.client_metadata().find(name);
  if (found == context.client_metadata().end()) return {};
  return {found->second.data(), found->second.size()};
}

}  // namespace

Result<std::shared_ptr<grpc::Channel>> OpenChannel(const ChannelOptions& options) {
  SEKISHO_TRY(const std::string target, TargetOf(options.addresses, options.tls.has_value()));
  std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::InsecureChannelCredentials();
  grpc::ChannelArguments arguments;
  if (options.tls) {
    SEKISHO_TRY(credentials, CredentialsOf(*options.tls));
    arguments.SetSslTargetNameOverride(options.service);
  }
  arguments.SetServiceConfigJSON(ServiceConfig());
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  arguments.SetMaxReceiveMessageSize(4 * kMaxUnaryOctets);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 200);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 2'000);  // also how long one attempt may take
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 5'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);  // a call may wait long for its answer
  return grpc::CreateCustomChannel(target, credentials, arguments);
}

Result<std::shared_ptr<grpc::Channel>> OpenChannel(const config::v1::Config& config, const config::v1::Service& own,
                                                   std::string_view service) {
  ChannelOptions options;
  options.service = service;
  for (const config::v1::Service& one : config.services()) {
    if (one.name() == service) options.addresses.push_back(one.address());
  }
  std::sort(options.addresses.begin(), options.addresses.end());
  options.addresses.erase(std::unique(options.addresses.begin(), options.addresses.end()), options.addresses.end());
  if (own.has_tls() || config.rpc().has_tls()) options.tls = own.has_tls() ? own.tls() : config.rpc().tls();
  auto channel = OpenChannel(options);
  if (!channel.ok()) return Annotate(channel.error(), "services: " + std::string(service));
  return channel;
}

std::unique_ptr<grpc::ClientContext> OnBehalfOf(const grpc::ServerContextBase& caller, Duration at_most) {
  auto context = grpc::ClientContext::FromServerContext(caller);
  const auto now = std::chrono::system_clock::now();
  auto deadline = now + at_most;
  if (caller.deadline() < deadline) {
    // So that the answer, or that there is none, still reaches them.
    const auto left = std::max<std::chrono::system_clock::duration>(caller.deadline() - now, {});
    deadline = caller.deadline() - std::min<std::chrono::system_clock::duration>(left / 10, kMostMargin);
  }
  context->set_deadline(deadline);
  if (const std::string token = BearerOf(caller); !token.empty())
    context->AddMetadata("authorization", "Bearer " + token);
  const auto trace = observe::ParseTraceParent(MetadataOf(caller, "traceparent"));
  context->AddMetadata("traceparent", (trace.ok() ? trace->Child() : observe::NewTrace()).ToString());
  return context;
}

}  // namespace sekisho::rpc
