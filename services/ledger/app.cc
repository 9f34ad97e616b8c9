#include "services/ledger/app.h"

#include "services/ledger/adapters/tables.h"
#include "shared/base/id_time.h"
#include "shared/observe/log.h"
#include "shared/stage/proto_time.h"

namespace sekisho::ledger {
namespace {

constexpr auto kSweepEvery = std::chrono::hours(1);
constexpr int64_t kSweptAtOnce = 100;

}  // namespace

App::App(const config::v1::Config& config, const stage::Surroundings& surroundings,
         const rpc::Authenticator& authenticator)
    : config_(config), around_(surroundings), recorder_(surroundings.keys), rpc_(surroundings, authenticator) {
  stage::Options options;
  options.name = "ledger";
  stage_ = stage::MakeStage(options, around_, {bus::Topic::kJournal}, recorder_);
}

Status App::Start() {
  SEKISHO_RETURN_IF_ERROR(MigrateTables(around_.database));
  SEKISHO_RETURN_IF_ERROR(stage_->Start());
  sweeper_.Start("ledger:sweep", kSweepEvery, [this] { return Sweep(); });
  return Ok();
}

void App::Drain(Duration) {
  sweeper_.Stop();
  stage_->Drain();
}

Periodic::Next App::Sweep() {
  const MailId before = *MailId::FromOctets(LowestIdAt(around_.clock.Now() - FromProto(config_.ledger().retention())));
  int64_t swept = 0;
  const Status status = around_.database.RunAndWait([&](store::Tx& tx) -> Status {
    SEKISHO_TRY(swept, DeleteBefore(tx, before, kSweptAtOnce));
    return Ok();
  });
  if (!status.ok()) {
    observe::Log(observe::Level::kWarn, "ledger.sweep_failed", {{"error", status.error()}});
    return Periodic::Next::kLater;
  }
  return swept == kSweptAtOnce ? Periodic::Next::kAtOnce : Periodic::Next::kLater;
}

std::unique_ptr<runtime::Service> MakeService(const runtime::Environment& environment) {
  return std::make_unique<App>(environment.config, environment.surroundings, environment.authenticator);
}

}  // namespace sekisho::ledger
