#include "services/delivery/adapters/engine.h"

#include <utility>

#include "services/delivery/adapters/recovery.h"
#include "shared/base/random.h"
#include "shared/observe/log.h"

namespace sekisho::delivery {
namespace {

constexpr size_t kWorkers = 2;

}  // namespace

Engine::Engine(Options options, const stage::Surroundings& surroundings, content::Store& content,
               const mailauth::DkimSigner& signer, OutletMaker& outlets, observe::Metrics& registry)
    : options_(std::move(options)),
      registry_(registry),
      owner_(RandomOctets(16)),
      around_(surroundings),
      metrics_(registry),
      // Each recipient in flight is in one task at most.
      workers_("delivery", kWorkers, options_.limits.in_flight + 1),
      preparer_({.hostname = options_.notices.hostname, .stamp = around_.organization_id}, content, signer,
                around_.clock),
      settler_({.schedule = options_.schedule, .owner = owner_, .notices = options_.notices}, around_, content,
               options_.routes, workers_, metrics_),
      owners_(around_, owner_, options_.alive),
      dispatcher_(options_.limits, owner_,
                  {.around = around_,
                   .routes = options_.routes,
                   .outlets = outlets,
                   .preparer = preparer_,
                   .settler = settler_,
                   .workers = workers_,
                   .metrics = metrics_,
                   .owners = owners_}),
      processor_(around_, options_.routes, owner_, options_.limits.lease, dispatcher_, preparer_, settler_, metrics_),
      stage_(stage::MakeStage({.name = kSchema}, around_, {bus::Topic::kSealed, bus::Topic::kControl}, processor_)) {}

Engine::~Engine() { Drain(Duration{}); }

Status Engine::Start() {
  SEKISHO_RETURN_IF_ERROR(stage::MigrateStageTables(around_.database, kSchema));
  SEKISHO_RETURN_IF_ERROR(MigrateQueue(around_.database));
  SEKISHO_RETURN_IF_ERROR(owners_.Renew());
  SEKISHO_TRY(const uint64_t taken_over, TakeOverDead());
  static_cast<void>(taken_over);  // the dispatcher finds them
  SEKISHO_TRY(const uint64_t rerouted, Reroute(around_, options_.routes));
  SEKISHO_RETURN_IF_ERROR(ForgetOldTombstones(around_));
  if (rerouted > 0) observe::Log(observe::Level::kInfo, "delivery.rerouted", {{"recipients", rerouted}});
  SEKISHO_RETURN_IF_ERROR(dispatcher_.Start());
  on_collect_ = registry_.OnCollect([this] { CountQueue(); });
  heartbeat_.Start("delivery:alive", owners_.renew_every(), [this] {
    const Status renewed = owners_.Renew();
    const auto taken = TakeOverDead();
    // What was taken over waits for whoever looks first.
    const Status looked = !taken.ok() ? Status(taken.error()) : *taken > 0 ? dispatcher_.Refresh() : Ok();
    for (const Status& status : {renewed, looked}) {
      if (!status.ok()) observe::Log(observe::Level::kWarn, "delivery.not_renewed", {{"error", status.error()}});
    }
    return Periodic::Next::kLater;
  });
  return stage_->Start();
}

Result<uint64_t> Engine::TakeOverDead() {
  SEKISHO_TRY(const std::vector<std::string> dead, owners_.FindDead());
  uint64_t all = 0;
  for (const std::string& owner : dead) {
    SEKISHO_TRY(const uint64_t taken, TakeOver(around_, owner, metrics_));
    observe::Log(observe::Level::kWarn, "delivery.taken_over", {{"possibly_duplicate", taken}});
    all += taken;
  }
  return all;
}

// Domains are many and others choose them: in metrics they are one.
void Engine::CountQueue() {
  Dispatcher::Summary domains;
  for (const Route& route : options_.routes.routes()) metrics_.SetRecipients(route.name, 0, 0, 0);
  for (const Dispatcher::Summary& summary : dispatcher_.Summaries()) {
    if (summary.name.kind == DestinationName::Kind::kRoute && !summary.name.require_tls) {
      metrics_.SetRecipients(summary.name.name, summary.queued, summary.sending, summary.deferred);
    } else {
      domains.queued += summary.queued;
      domains.sending += summary.sending;
      domains.deferred += summary.deferred;
    }
  }
  metrics_.SetRecipients("mx", domains.queued, domains.sending, domains.deferred);
}

void Engine::Drain(Duration limit) {
  if (const int id = std::exchange(on_collect_, 0); id != 0) registry_.Forget(id);
  stage_->Drain();
  dispatcher_.Drain(limit);
  workers_.Stop();
  heartbeat_.Stop();
  owners_.Resign();
  // What is still queued at the database refers to this object.
  const Status reached = around_.database.RunAndWait([](store::Tx&) { return Ok(); });
  static_cast<void>(reached);
}

}  // namespace sekisho::delivery
