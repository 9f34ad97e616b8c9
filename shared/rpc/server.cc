#include "shared/rpc/server.h"

#include <grpc/support/log.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>

#include <mutex>

#include "shared/config/loader.h"
#include "shared/observe/log.h"

namespace sekisho::rpc {
namespace {

constexpr int kMaxThreads = 128;
constexpr size_t kMaxMemory = 256 << 20;  // for all calls' buffers together

Result<std::shared_ptr<grpc::ServerCredentials>> Credentials(const config::v1::Rpc& config) {
  if (!config.has_tls()) return grpc::InsecureServerCredentials();  // the configuration allows it on loopback only
  grpc::SslServerCredentialsOptions options;
  grpc::SslServerCredentialsOptions::PemKeyCertPair pair;
  SEKISHO_TRY(pair.cert_chain, config::ReadWholeFile(config.tls().certificate_file()));
  SEKISHO_TRY(pair.private_key, config::ReadSecretFile(config.tls().key_file()));
  options.pem_key_cert_pairs.push_back(pair);
  if (!config.tls().client_ca_file().empty()) {
    SEKISHO_TRY(options.pem_root_certs, config::ReadWholeFile(config.tls().client_ca_file()));
    options.client_certificate_request = GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY;
  }
  return grpc::SslServerCredentials(options);
}

// What the library has to say (a handshake that failed, mostly) goes into our log as a line like any other.
void LogOfLibrary(gpr_log_func_args* said) {
  if (said->severity == GPR_LOG_SEVERITY_ERROR) observe::Log(observe::Level::kWarn, "rpc.library", {{"text", said->message}});
}

class GrpcServer final : public Server {
 public:
  GrpcServer(std::unique_ptr<grpc::Server> server, int port) : server_(std::move(server)), port_(port) {}
  ~GrpcServer() override { Stop(Duration{}); }

  int port() const override { return port_; }
  std::shared_ptr<grpc::Channel> InProcessChannel() override {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(4 * kMaxUnaryOctets);
    return server_->InProcessChannel(arguments);
  }
  void SetServing(bool serving) override {
    if (auto* health = server_->GetHealthCheckService()) health->SetServingStatus(serving);
  }
  void Stop(Duration limit) override {
    std::call_once(stopped_, [&] {
      server_->Shutdown(std::chrono::system_clock::now() + limit);
      server_->Wait();
    });
  }

 private:
  std::unique_ptr<grpc::Server> server_;
  const int port_;
  std::once_flag stopped_;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::Start(const config::v1::Rpc& config, const std::vector<grpc::Service*>& services) {
  static std::once_flag plugins;
  std::call_once(plugins, [&] {
    gpr_set_log_function(LogOfLibrary);
    grpc::EnableDefaultHealthCheckService(true);
    if (config.reflection()) grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  });
  grpc::ServerBuilder builder;
  SEKISHO_TRY(const auto credentials, Credentials(config));
  int port = 0;
  builder.AddListeningPort(config.address(), credentials, &port);
  for (grpc::Service* service : services) builder.RegisterService(service);
  builder.SetMaxReceiveMessageSize(kMaxUnaryOctets);
  builder.SetResourceQuota(grpc::ResourceQuota("sekisho").SetMaxThreads(kMaxThreads).Resize(kMaxMemory));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 256);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, 3'600'000);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, 300'000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 3);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (!server || port == 0) return MakeError(Code::kUnavailable, "cannot listen on " + config.address() + " (gRPC)");
  return std::unique_ptr<Server>(new GrpcServer(std::move(server), port));
}

}  // namespace sekisho::rpc
