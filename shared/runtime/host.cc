#include "shared/runtime/host.h"

#include <algorithm>
#include <atomic>

#include "shared/config/sekisho.h"
#include "shared/observe/endpoint.h"
#include "shared/rpc/server.h"
#include "shared/runtime/stage_rpc.h"
#include "shared/runtime/topic_rpc.h"
#include "shared/stage/proto_time.h"
#include "shared/stage/topology.h"

namespace sekisho::runtime {
namespace {

constexpr size_t kWorkerQueue = 4096;

rpc::LookUpPrincipal LookUpIn(directory::Directory& directory, const std::string& default_language) {
  return [&directory, default_language](std::string_view login) -> Result<rpc::Principal> {
    const auto snapshot = directory.Current();
    const directory::User* user = snapshot->Find(login);
    if (user == nullptr) return MakeError(Code::kUnauthenticated, "this login is not in the directory any more");
    return rpc::Principal{user->login, user->roles, user->language.empty() ? default_language : user->language};
  };
}

directory::Options DirectoryOptions(const config::v1::Config& config) {
  directory::Options options;
  options.file = config.directory_file();
  options.verifiers = config.intake().max_auth_verifiers();
  options.cache = FromProto(config.intake().auth_cache());
  return options;
}

class Host final : public App {
 public:
  Host(const config::v1::Config& config, HostOptions options)
      : config_(config),
        options_(std::move(options)),
        io_(config.runtime().io_threads()),
        workers_("work", config.runtime().worker_threads(), kWorkerQueue) {}
  ~Host() override { Drain(Duration{}); }

  Status Start() override {
    SEKISHO_RETURN_IF_ERROR(OpenSurroundings());
    for (const Hosted& hosted : options_.services) {
      names_.push_back(hosted.name);
      services_.push_back(hosted.make(*environment_));
    }
    for (auto service = services_.rbegin(); service != services_.rend(); ++service) {
      SEKISHO_RETURN_IF_ERROR((*service)->Start());
    }
    SEKISHO_RETURN_IF_ERROR(StartServer());
    SEKISHO_RETURN_IF_ERROR(StartEndpoint());
    for (const auto& service : services_) SEKISHO_RETURN_IF_ERROR(service->OpenDoors());
    rpc_->SetServing(true);
    ready_ = true;
    return Ok();
  }

  // The doors first, then each stage after the one that feeds it.
  void Drain(Duration limit) override {
    if (drained_.exchange(true)) return;
    ready_ = false;
    for (const auto& service : services_) service->CloseDoors(limit);
    if (topic_rpc_) topic_rpc_->Stop();
    if (rpc_) rpc_->Stop(limit);
    if (stage_metrics_ != 0) observe::Metrics::Global().Forget(stage_metrics_);
    for (const auto& service : services_) service->Drain(limit);
    endpoint_.reset();
    workers_.Stop();
    if (back_.database) back_.database->Stop();
    io_.Stop();
  }

 private:
  Status OpenSurroundings() {
    if (options_.sandbox) {  // first: its processes hold none of what follows
      SEKISHO_TRY(sandbox_, sandbox::Sandbox::Start({}));
    }
    SEKISHO_TRY(directory_, directory::Directory::Open(DirectoryOptions(config_), clock_));
    SEKISHO_TRY(back_, options_.open(config_, clock_));
    authenticator_ =
        std::make_unique<rpc::Authenticator>(*back_.keys, clock_, FromProto(config_.rpc().token_lifetime()),
                                             LookUpIn(*directory_, config_.organization().default_language()));
    stage_rpc_ = std::make_unique<StageRpc>(*authenticator_, config_);
    environment_.reset(new Environment{
        config_,
        {*back_.database, *back_.bus, *back_.keys, clock_, workers_, config_.organization().id()},
        *back_.content,
        *directory_,
        sandbox_.get(),
        *authenticator_,
        io_,
        [this](std::string_view service) { return ChannelTo(service); },
        [this](std::string_view service) { return BacklogOf(service); },
    });
    return Ok();
  }

  Status StartServer() {
    std::vector<stage::Stage*> stages;
    std::vector<grpc::Service*> rpcs = {stage_rpc_.get()};
    if (const auto journalist = Journalist(); !journalist.empty()) {
      topic_rpc_ = std::make_unique<TopicRpc>(*authenticator_, environment_->surroundings, journalist, back_.open_tail);
      rpcs.push_back(topic_rpc_.get());
    }
    for (const auto& service : services_) {
      stages.push_back(&service->stage());
      const auto more = service->rpcs();
      rpcs.insert(rpcs.end(), more.begin(), more.end());
    }
    stage_rpc_->Watch(stages);
    stage_metrics_ = ExposeStages(stages);
    SEKISHO_TRY(rpc_, rpc::Server::Start(config_.rpc(), rpcs));
    return Ok();
  }

  Status StartEndpoint() {
    if (config_.metrics().address().empty()) return Ok();
    SEKISHO_TRY(const config::HostPort address, config::ParseHostPort(config_.metrics().address()));
    SEKISHO_TRY(endpoint_, observe::Endpoint::Start(address.host, address.port, observe::Metrics::Global(),
                                                    {[] { return true; }, [this] { return ready_.load(); }}));
    return Ok();
  }

  // A service of this process that may write to the journal; empty when none may.
  std::string Journalist() const {
    const auto& producers = stage::RouteOf(bus::Topic::kJournal).producers;
    const auto found = std::find_first_of(names_.begin(), names_.end(), producers.begin(), producers.end());
    return found == names_.end() ? std::string() : *found;
  }

  Service* Find(std::string_view name) const {
    const auto found = std::find(names_.begin(), names_.end(), name);
    return found == names_.end() ? nullptr : services_[static_cast<size_t>(found - names_.begin())].get();
  }
  std::shared_ptr<grpc::Channel> ChannelTo(std::string_view service) const {
    return Find(service) != nullptr ? rpc_->InProcessChannel() : options_.channel_to(service);
  }
  uint64_t BacklogOf(std::string_view name) const {
    const uint64_t unpublished = back_.unpublished ? back_.unpublished() : 0;
    Service* service = Find(name);
    return service == nullptr ? unpublished : unpublished + service->stage().Backlog();
  }

  const config::v1::Config config_;
  const HostOptions options_;
  SystemClock clock_;
  net::IoPool io_;
  WorkerPool workers_;
  std::unique_ptr<sandbox::Sandbox> sandbox_;
  std::unique_ptr<directory::Directory> directory_;
  BackEnds back_;
  std::unique_ptr<rpc::Authenticator> authenticator_;
  std::unique_ptr<Environment> environment_;
  std::vector<std::string> names_;
  std::vector<std::unique_ptr<Service>> services_;
  std::unique_ptr<StageRpc> stage_rpc_;
  std::unique_ptr<TopicRpc> topic_rpc_;
  std::unique_ptr<rpc::Server> rpc_;
  std::unique_ptr<observe::Endpoint> endpoint_;
  int stage_metrics_ = 0;
  std::atomic<bool> ready_{false};
  std::atomic<bool> drained_{false};
};

}  // namespace

std::unique_ptr<App> MakeHost(const config::v1::Config& config, HostOptions options) {
  return std::make_unique<Host>(config, std::move(options));
}

}  // namespace sekisho::runtime
