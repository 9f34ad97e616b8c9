#include "shared/rpc/server.h"

#include <grpc/support/log.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>
#include <unistd.h>

#include <mutex>
#include <optional>

#include "shared/base/periodic.h"
#include "shared/observe/log.h"
#include "shared/rpc/certificate_files.h"
#include "shared/rpc/gate.h"
#include "shared/rpc/peers.h"

namespace sekisho::rpc {
namespace {

constexpr int kMaxThreads = 128;
constexpr size_t kMaxMemory = 256 << 20;  // for all calls' buffers together
constexpr auto kReadCertificatesEvery = std::chrono::seconds(10);

using Acceptor = grpc::experimental::ExternalConnectionAcceptor;

// What the library has to say goes into our log as a line like any other.
void LogOfLibrary(gpr_log_func_args* said) {
  if (said->severity == GPR_LOG_SEVERITY_ERROR)
    observe::Log(observe::Level::kWarn, "rpc.library", {{"text", said->message}});
}

// Puts the proof that it is of this process to each call of the in-process channel.
class OwnProcessProof final : public grpc::experimental::ClientInterceptorFactoryInterface {
  class Interceptor final : public grpc::experimental::Interceptor {
    void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
      if (methods->QueryInterceptionHookPoint(grpc::experimental::InterceptionHookPoints::PRE_SEND_INITIAL_METADATA))
        methods->GetSendInitialMetadata()->emplace(kOwnProcess, OwnProcessSecret());
      methods->Proceed();
    }
  };
  grpc::experimental::Interceptor* CreateClientInterceptor(grpc::experimental::ClientRpcInfo*) override {
    return new Interceptor;  // the library's to delete
  }
};

class GrpcServer final : public Server {
 public:
  GrpcServer(std::unique_ptr<Acceptor> acceptor, std::unique_ptr<grpc::Server> server)
      : acceptor_(std::move(acceptor)), server_(std::move(server)) {}
  ~GrpcServer() override { Stop(Duration{}); }

  Status OpenGate(const config::v1::Rpc& config) {
    GateOptions options;
    options.address = config.address();
    if (config.has_tls()) {  // the configuration allows its absence on loopback only
      files_.emplace(config.tls(), !config.client_certificate_optional());
      SEKISHO_TRY(options.tls, files_->Read());
    }
    SEKISHO_TRY(gate_, Gate::Open(std::move(options), [this](int socket) { Take(socket); }));
    if (files_) {
      certificate_reader_.Start("rpc:certs", kReadCertificatesEvery, [this] {
        ReadCertificates();
        return Periodic::Next::kLater;
      });
    }
    return Ok();
  }
  int port() const override { return gate_->port(); }
  std::shared_ptr<grpc::Channel> InProcessChannel() override {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(4 * kMaxUnaryOctets);
    std::vector<std::unique_ptr<grpc::experimental::ClientInterceptorFactoryInterface>> interceptors;
    interceptors.push_back(std::make_unique<OwnProcessProof>());
    return server_->experimental().InProcessChannelWithInterceptors(arguments, std::move(interceptors));
  }
  void SetServing(bool serving) override {
    if (auto* health = server_->GetHealthCheckService()) health->SetServingStatus(serving);
  }
  void Stop(Duration limit) override {
    std::call_once(stopped_, [&] {
      certificate_reader_.Stop();
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
    if (stopping_) {
      close(socket);
      return;
    }
    Acceptor::NewConnectionParameters connection;
    connection.fd = socket;
    acceptor_->HandleNewConnection(&connection);
  }
  void ReadCertificates() {
    auto read = files_->Read();
    if (!read.ok()) {
      observe::Log(observe::Level::kError, "rpc.certificate_refused", {{"error", read.error()}});
    } else if (*read != nullptr) {
      gate_->UseTls(*std::move(read));
      observe::Log(observe::Level::kInfo, "rpc.certificate_renewed");
    }
  }

  std::mutex mutex_;
  bool stopping_ = false;
  std::unique_ptr<Acceptor> acceptor_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Gate> gate_;
  std::optional<CertificateFiles> files_;  // the reader's, once it runs
  Periodic certificate_reader_;
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
  for (grpc::Service* service : services) builder.RegisterService(service);
  builder.SetMaxReceiveMessageSize(kMaxUnaryOctets);
  builder.SetResourceQuota(grpc::ResourceQuota("sekisho").SetMaxThreads(kMaxThreads).Resize(kMaxMemory));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 256);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, 3'600'000);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, 300'000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 3);
  // In the clear: the gate has ended TLS.
  auto acceptor = builder.experimental().AddExternalConnectionAcceptor(
      grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD, grpc::InsecureServerCredentials());
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (!server) return MakeError(Code::kInternal, "the gRPC server does not start");
  auto started = std::make_unique<GrpcServer>(std::move(acceptor), std::move(server));
  if (const Status opened = started->OpenGate(config); !opened.ok()) return Annotate(opened.error(), "gRPC");
  return std::unique_ptr<Server>(std::move(started));
}

}  // namespace sekisho::rpc
