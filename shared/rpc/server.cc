#include "shared/rpc/server.h"

#include <grpc/support/log.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server_posix.h>
#include <unistd.h>

#include <mutex>

#include "shared/config/loader.h"
#include "shared/observe/log.h"
#include "shared/rpc/gate.h"

namespace sekisho::rpc {
namespace {

constexpr int kMaxThreads = 128;
constexpr size_t kMaxMemory = 256 << 20;  // for all calls' buffers together

Result<GateOptions> GateOptionsOf(const config::v1::Rpc& config) {
  GateOptions options;
  options.address = config.address();
  if (!config.has_tls()) return options;  // the configuration allows it on loopback only
  const config::v1::Tls& tls = config.tls();
  // Absent, or readable by others: said as for any other secret file.
  SEKISHO_RETURN_IF_ERROR(config::ReadWholeFile(tls.certificate_file()));
  SEKISHO_RETURN_IF_ERROR(config::ReadSecretFile(tls.key_file()));
  SEKISHO_TRY(options.tls, net::TlsContext::ForServer({.certificate_file = tls.certificate_file(),
                                                       .key_file = tls.key_file(),
                                                       .client_ca_file = tls.client_ca_file(),
                                                       .demand_client_certificate = true,
                                                       .http2 = true}));
  return options;
}

// What the library has to say goes into our log as a line like any other.
void LogOfLibrary(gpr_log_func_args* said) {
  if (said->severity == GPR_LOG_SEVERITY_ERROR)
    observe::Log(observe::Level::kWarn, "rpc.library", {{"text", said->message}});
}

class GrpcServer final : public Server {
 public:
  explicit GrpcServer(std::unique_ptr<grpc::Server> server) : server_(std::move(server)) {}
  ~GrpcServer() override { Stop(Duration{}); }

  Status OpenGate(GateOptions options) {
    SEKISHO_TRY(gate_, Gate::Open(std::move(options), [this](int socket) { Take(socket); }));
    return Ok();
  }
  int port() const override { return gate_->port(); }
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
      if (gate_) gate_->Close();
      {
        const std::scoped_lock lock(mutex_);
        stopping_ = true;
      }
      server_->Shutdown(std::chrono::system_clock::now() + limit);
      server_->Wait();
      gate_.reset();
    });
  }

 private:
  void Take(int socket) {
    const std::scoped_lock lock(mutex_);
    if (stopping_)
      close(socket);
    else
      grpc::AddInsecureChannelFromFd(server_.get(), socket);
  }

  std::mutex mutex_;
  bool stopping_ = false;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Gate> gate_;
  std::once_flag stopped_;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::Start(const config::v1::Rpc& config,
                                              const std::vector<grpc::Service*>& services) {
  static std::once_flag plugins;
  std::call_once(plugins, [&] {
    gpr_set_log_function(LogOfLibrary);
    grpc::EnableDefaultHealthCheckService(true);
    if (config.reflection()) grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  });
  grpc::ServerBuilder builder;
  SEKISHO_TRY(GateOptions gate, GateOptionsOf(config));
  for (grpc::Service* service : services) builder.RegisterService(service);
  builder.SetMaxReceiveMessageSize(kMaxUnaryOctets);
  builder.SetResourceQuota(grpc::ResourceQuota("sekisho").SetMaxThreads(kMaxThreads).Resize(kMaxMemory));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 256);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, 3'600'000);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, 300'000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 3);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (!server) return MakeError(Code::kInternal, "the gRPC server does not start");
  auto started = std::make_unique<GrpcServer>(std::move(server));
  if (const Status opened = started->OpenGate(std::move(gate)); !opened.ok()) return Annotate(opened.error(), "gRPC");
  return std::unique_ptr<Server>(std::move(started));
}

}  // namespace sekisho::rpc
