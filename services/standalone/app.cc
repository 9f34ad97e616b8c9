#include "services/standalone/app.h"

#include <atomic>

#include "services/approval/app.h"
#include "services/delivery/app.h"
#include "services/encryption/app.h"
#include "services/intake/app.h"
#include "services/ledger/app.h"
#include "services/policy/app.h"
#include "services/standalone/sink/sink.h"
#include "shared/bus/local.h"
#include "shared/config/sekisho.h"
#include "shared/content/local.h"
#include "shared/keys/file_ring.h"
#include "shared/net/io_pool.h"
#include "shared/observe/endpoint.h"
#include "shared/rpc/server.h"
#include "shared/runtime/stage_rpc.h"
#include "shared/stage/proto_time.h"
#include "shared/stage/topology.h"
#include "shared/store/sqlite.h"

namespace sekisho::standalone {
namespace {

constexpr size_t kWorkerQueue = 4096;

// The local back ends, from the configuration.
struct BackEnds {
  SystemClock clock;
  std::unique_ptr<keys::KeyRing> keys;
  std::unique_ptr<store::Database> database;
  std::unique_ptr<bus::Bus> bus;
  std::unique_ptr<content::Store> content;
  std::unique_ptr<directory::Directory> directory;
  std::unique_ptr<sandbox::Sandbox> sandbox;

  Status Open(const config::v1::Config& config) {
    SEKISHO_TRY(sandbox, sandbox::Sandbox::Start({}));  // first: its processes hold none of what follows
    SEKISHO_TRY(keys, keys::OpenFileRing(config.keys().ring_file(), config.keys().create()));
    directory::Options directory_options;
    directory_options.file = config.directory_file();
    directory_options.verifiers = config.intake().max_auth_verifiers();
    directory_options.cache = FromProto(config.intake().auth_cache());
    SEKISHO_TRY(directory, directory::Directory::Open(directory_options, clock));
    store::SqliteOptions store_options;
    store_options.folder = config.storage().folder();
    SEKISHO_TRY(database, store::OpenSqlite(store_options));
    SEKISHO_TRY(bus, bus::OpenLocal(*database, stage::ConsumerGroups()));
    content::LocalOptions content_options;
    content_options.folder = config.storage().folder() + "/content";
    content_options.small_limit = config.storage().small_content();
    content_options.min_free = config.storage().min_free();
    SEKISHO_TRY(content, content::OpenLocal(content_options, *database, *keys, clock));
    return Ok();
  }
};

rpc::LookUpPrincipal LookUpIn(directory::Directory& directory, const std::string& default_language) {
  return [&directory, default_language](std::string_view login) -> Result<rpc::Principal> {
    const auto snapshot = directory.Current();
    const directory::User* user = snapshot->Find(login);
    if (user == nullptr) return MakeError(Code::kUnauthenticated, "this login is not in the directory any more");
    return rpc::Principal{user->login, user->roles, user->language.empty() ? default_language : user->language};
  };
}

class StandaloneApp final : public runtime::App {
 public:
  explicit StandaloneApp(const config::v1::Config& config)
      : config_(config),
        io_(config.runtime().io_threads()),
        workers_("work", config.runtime().worker_threads(), kWorkerQueue) {}
  ~StandaloneApp() override { Drain(Duration{}); }

  Status Start() override {
    SEKISHO_RETURN_IF_ERROR(back_.Open(config_));
    around_ = std::make_unique<stage::Surroundings>(stage::Surroundings{
        *back_.database, *back_.bus, *back_.keys, back_.clock, workers_, config_.organization().id()});
    authenticator_ =
        std::make_unique<rpc::Authenticator>(*back_.keys, back_.clock, FromProto(config_.rpc().token_lifetime()),
                                             LookUpIn(*back_.directory, config_.organization().default_language()));
    MakeServices();
    SEKISHO_RETURN_IF_ERROR(StartServices());
    SEKISHO_RETURN_IF_ERROR(StartEndpoints());
    SEKISHO_RETURN_IF_ERROR(intake_->OpenDoors());
    rpc_->SetServing(true);
    ready_ = true;
    return Ok();
  }

  // The doors first, then each stage after the one that feeds it.
  void Drain(Duration limit) override {
    if (drained_.exchange(true)) return;
    ready_ = false;
    if (intake_) intake_->CloseDoors(limit);
    if (rpc_) rpc_->Stop(limit);
    if (stage_metrics_ != 0) observe::Metrics::Global().Forget(stage_metrics_);
    if (intake_) intake_->Drain();
    if (policy_) policy_->Drain();
    if (approval_) approval_->Drain();
    if (encryption_) encryption_->Drain();
    if (delivery_) delivery_->Drain(limit);
    if (ledger_) ledger_->Drain();
    endpoint_.reset();
    sink_.reset();
    workers_.Stop();
    if (back_.database) back_.database->Stop();
    io_.Stop();
  }

 private:
  void MakeServices() {
    ledger_ = std::make_unique<ledger::App>(config_, *around_, *authenticator_);
    delivery_ = std::make_unique<delivery::App>(config_, *around_, *back_.content, *authenticator_, io_);
    encryption_ = std::make_unique<encryption::App>(config_, *around_, *back_.content, *authenticator_);
    approval_ = std::make_unique<approval::App>(config_, *around_, *back_.content, *back_.directory, *authenticator_);
    policy_ = std::make_unique<policy::App>(config_, *around_, *back_.content, *back_.directory, *back_.sandbox,
                                            *authenticator_);
    intake::Neighbours neighbours;
    neighbours.ledger = [this] { return rpc_->InProcessChannel(); };
    neighbours.check_mail = [this](const grpc::ServerContextBase&, const policy::v1::CheckMailRequest& request) {
      return policy_->CheckMail(request);
    };
    neighbours.policy_backlog = [this] { return policy_->stage().Backlog(); };
    intake_ = std::make_unique<intake::App>(config_, *around_, *back_.content, *back_.directory, *authenticator_, io_,
                                            std::move(neighbours));
    stage_rpc_ = std::make_unique<runtime::StageRpc>(*authenticator_);
  }

  // Those that take come before those that give.
  Status StartServices() {
    if (config_.has_sink()) {
      SEKISHO_TRY(sink_, Sink::Start(config_.sink(), io_, back_.clock));
    }
    SEKISHO_RETURN_IF_ERROR(ledger_->Start());
    SEKISHO_RETURN_IF_ERROR(delivery_->Start());
    SEKISHO_RETURN_IF_ERROR(encryption_->Start());
    SEKISHO_RETURN_IF_ERROR(approval_->Start());
    SEKISHO_RETURN_IF_ERROR(policy_->Start());
    return intake_->Start();
  }

  Status StartEndpoints() {
    const std::vector<stage::Stage*> stages = {&intake_->stage(),     &policy_->stage(),   &approval_->stage(),
                                               &encryption_->stage(), &delivery_->stage(), &ledger_->stage()};
    stage_rpc_->Watch(stages);
    stage_metrics_ = runtime::ExposeStages(stages);
    std::vector<grpc::Service*> services = intake_->services();
    services.insert(services.end(), {&policy_->service(), &approval_->service(), &encryption_->service(),
                                     &delivery_->service(), &ledger_->service(), stage_rpc_.get()});
    SEKISHO_TRY(rpc_, rpc::Server::Start(config_.rpc(), services));
    if (!config_.metrics().address().empty()) {
      SEKISHO_TRY(const config::HostPort address, config::ParseHostPort(config_.metrics().address()));
      SEKISHO_TRY(endpoint_, observe::Endpoint::Start(address.host, address.port, observe::Metrics::Global(),
                                                      {[] { return true; }, [this] { return ready_.load(); }}));
    }
    return Ok();
  }

  const config::v1::Config config_;
  net::IoPool io_;
  WorkerPool workers_;
  BackEnds back_;
  std::unique_ptr<stage::Surroundings> around_;
  std::unique_ptr<rpc::Authenticator> authenticator_;
  std::unique_ptr<Sink> sink_;
  std::unique_ptr<ledger::App> ledger_;
  std::unique_ptr<delivery::App> delivery_;
  std::unique_ptr<encryption::App> encryption_;
  std::unique_ptr<approval::App> approval_;
  std::unique_ptr<policy::App> policy_;
  std::unique_ptr<intake::App> intake_;
  std::unique_ptr<runtime::StageRpc> stage_rpc_;
  std::unique_ptr<rpc::Server> rpc_;
  std::unique_ptr<observe::Endpoint> endpoint_;
  int stage_metrics_ = 0;
  std::atomic<bool> ready_{false};
  std::atomic<bool> drained_{false};
};

}  // namespace

Result<std::unique_ptr<runtime::App>> MakeApp(const config::v1::Config& config) {
  return std::unique_ptr<runtime::App>(std::make_unique<StandaloneApp>(config));
}

}  // namespace sekisho::standalone
