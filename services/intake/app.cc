#include "services/intake/app.h"

#include "services/intake/adapters/policy_client.h"
#include "shared/config/mime_limits.h"
#include "shared/config/sekisho.h"
#include "shared/observe/log.h"
#include "shared/stage/proto_time.h"

namespace sekisho::intake {
namespace {

constexpr uint32_t kRequestIdDays = 7;
constexpr auto kSweepEvery = std::chrono::minutes(1);

AcceptorLimits LimitsOf(const config::v1::Intake& intake) {
  AcceptorLimits limits;
  limits.message_octets = intake.limits().message_size();
  limits.received_hops = intake.limits().received_hops();
  limits.backlog = intake.max_backlog();
  limits.header = config::MimeLimits(intake.limits());
  return limits;
}

IntakeRpcOptions RpcOptionsOf(const config::v1::Config& config) {
  IntakeRpcOptions options;
  options.hostname = config.organization().hostname();
  options.max_recipients = config.intake().limits().recipients();
  options.max_message_octets = config.intake().limits().message_size();
  options.request_id_days = kRequestIdDays;
  return options;
}

bool RpcIsLoopback(const config::v1::Config& config) {
  const auto address = config::ParseHostPort(config.rpc().address());
  return address.ok() && config::IsLoopback(address->host);
}

}  // namespace

App::App(const config::v1::Config& config, const stage::Surroundings& surroundings, content::Store& content,
         directory::Directory& directory, const rpc::Authenticator& authenticator, net::IoPool& io,
         Neighbours neighbours)
    : config_(config),
      around_(surroundings),
      content_(content),
      logins_(std::make_shared<smtp::LoginGuard>(config.intake().limits().login_failures_per_minute())),
      acceptor_(surroundings, content, LimitsOf(config.intake()), std::move(neighbours.policy_backlog)),
      traces_(surroundings, std::move(neighbours.ledger)),
      auth_rpc_(directory, authenticator, *logins_, surroundings.clock, RpcIsLoopback(config)),
      intake_rpc_(RpcOptionsOf(config), surroundings, acceptor_, traces_, directory, authenticator,
                  std::move(neighbours.check_mail)),
      smtp_door_(config, surroundings.clock, acceptor_, directory, logins_, io),
      closer_(surroundings.clock) {
  stage::Options options;
  options.name = "intake";
  stage_ = stage::MakeStage(options, around_, {bus::Topic::kOutcome}, closer_);
}

App::~App() { Drain({}); }

Status App::Start() {
  SEKISHO_RETURN_IF_ERROR(acceptor_.Migrate());
  SEKISHO_RETURN_IF_ERROR(stage_->Start());
  sweeper_.Start("intake:sweep", kSweepEvery, [this] {
    Sweep();
    return Periodic::Next::kLater;
  });
  return Ok();
}

Status App::OpenDoors() { return smtp_door_.Open(); }

void App::CloseDoors(Duration limit) {
  intake_rpc_.Stop();
  smtp_door_.Close(limit);
}

void App::Drain(Duration) {
  sweeper_.Stop();
  stage_->Drain();
}

void App::Sweep() {
  const auto swept =
      SweepClosed(around_.database, content_, around_.clock.Now(), FromProto(config_.intake().content_retention()),
                  std::chrono::hours(24 * kRequestIdDays));
  const auto orphans = content_.SweepOrphans();
  if (!swept.ok()) observe::Log(observe::Level::kWarn, "intake.sweep_failed", {{"error", swept.error()}});
  if (!orphans.ok()) observe::Log(observe::Level::kWarn, "intake.sweep_failed", {{"error", orphans.error()}});
}

std::unique_ptr<runtime::Service> MakeService(const runtime::Environment& environment) {
  Neighbours neighbours;
  neighbours.ledger = [&environment] { return environment.channel_to("ledger"); };
  neighbours.check_mail = AskPolicy([&environment] { return environment.channel_to("policy"); });
  neighbours.policy_backlog = [&environment] { return environment.backlog_of("policy"); };
  return std::make_unique<App>(environment.config, environment.surroundings, environment.content, environment.directory,
                               environment.authenticator, environment.io, std::move(neighbours));
}

}  // namespace sekisho::intake
