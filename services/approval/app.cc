#include "services/approval/app.h"

#include "services/approval/adapters/arrivals.h"
#include "services/approval/adapters/service.h"
#include "services/approval/adapters/timer.h"
#include "shared/config/mime_limits.h"
#include "shared/stage/proto_time.h"

namespace sekisho::approval {
namespace {

Arrivals::Options ArrivalOptions(const config::v1::Config& config) {
  return {FromProto(config.approval().default_expiry()), config.approval().notify_sender_of_timed_holds(),
          config::MimeLimits(config.intake().limits())};
}

}  // namespace

struct App::Parts {
  Parts(const config::v1::Config& config, const stage::Surroundings& surroundings, content::Store& content,
        directory::Directory& directory, const rpc::Authenticator& authenticator, observe::Metrics& the_metrics)
      : around(surroundings),
        metrics(the_metrics),
        notifier({notice::OptionsOf(config.organization()), around, content}, config.approval().link_base_url(),
                 config::MimeLimits(config.intake().limits())),
        clerk(around, content, notifier),
        arrivals(ArrivalOptions(config), around, content, directory, clerk, notifier, metrics),
        timer(around, directory, clerk, metrics),
        desk(around, content, directory, clerk, config::MimeLimits(config.intake().limits()), metrics),
        service(desk, authenticator) {
    stage::Options options;
    options.name = kSchema;
    stage = stage::MakeStage(options, around, {bus::Topic::kJudged, bus::Topic::kControl}, arrivals);
  }

  // How much waits, and how long the oldest has, for the operator's dashboard.
  void Measure() {
    std::map<State, Waiting> waiting;
    const Status read = around.database.Read([&](store::Tx& tx) -> Status {
      SEKISHO_TRY(waiting, CountWaiting(tx));
      return Ok();
    });
    if (!read.ok()) return;
    for (const State state : kStates) {
      if (IsTerminal(state)) continue;
      const observe::Labels labels = {{"class", std::string(StateName(state))}};
      const Waiting& now = waiting[state];
      const Duration age = now.count == 0 ? Duration{} : around.clock.Now() - now.oldest;
      metrics.GetGauge("sekisho_approval_waiting", "Parcels that wait", labels).Set(static_cast<double>(now.count));
      metrics.GetGauge("sekisho_approval_oldest_seconds", "Age of the parcel that waits longest", labels)
          .Set(std::chrono::duration<double>(age).count());
    }
  }

  const stage::Surroundings around;
  observe::Metrics& metrics;
  Notifier notifier;
  Clerk clerk;
  Arrivals arrivals;
  std::unique_ptr<stage::Stage> stage;
  Timer timer;
  Desk desk;
  approval::Service service;
  int collect = 0;
};

App::App(const config::v1::Config& config, const stage::Surroundings& surroundings, content::Store& content,
         directory::Directory& directory, const rpc::Authenticator& authenticator, observe::Metrics& metrics)
    : parts_(std::make_unique<Parts>(config, surroundings, content, directory, authenticator, metrics)) {}
App::~App() { Drain({}); }

Status App::Start() {
  SEKISHO_RETURN_IF_ERROR(MigrateTables(parts_->around.database));
  SEKISHO_RETURN_IF_ERROR(parts_->stage->Start());
  parts_->timer.Start();
  parts_->collect = parts_->metrics.OnCollect([parts = parts_.get()] { parts->Measure(); });
  return Ok();
}

void App::Drain(Duration) {
  if (parts_->collect != 0) parts_->metrics.Forget(std::exchange(parts_->collect, 0));
  parts_->stage->Drain();
  parts_->timer.Stop();
}

std::vector<grpc::Service*> App::rpcs() { return {&parts_->service}; }
stage::Stage& App::stage() { return *parts_->stage; }

std::unique_ptr<runtime::Service> MakeService(const runtime::Environment& environment) {
  return std::make_unique<App>(environment.config, environment.surroundings, environment.content, environment.directory,
                               environment.authenticator);
}

}  // namespace sekisho::approval
