#include "services/policy/app.h"

#include "services/policy/adapters/tables.h"
#include "shared/config/mime_limits.h"
#include "shared/stage/proto_time.h"

namespace sekisho::policy {
namespace {

std::vector<std::string> OwnDomains(const config::v1::Config& config) {
  return {config.organization().domains().begin(), config.organization().domains().end()};
}

MailReader::Limits ReaderLimits(const config::v1::Limits& limits) {
  MailReader::Limits reader;
  reader.mime = config::MimeLimits(limits);
  return reader;
}

stage::Options StageOptions() {
  stage::Options options;
  options.name = "policy";
  return options;
}

}  // namespace

App::App(const config::v1::Config& config, const stage::Surroundings& surroundings, content::Store& content,
         directory::Directory& directory, sandbox::Sandbox& sandbox, const rpc::Authenticator& authenticator)
    : around_(surroundings),
      reload_interval_(FromProto(config.policy().reload_interval())),
      source_(config.policy().file(), OwnDomains(config), surroundings.database, surroundings.clock),
      contacts_(surroundings.database, surroundings.keys),
      reader_(sandbox, surroundings.clock, ReaderLimits(config.intake().limits())),
      judge_(source_, directory, contacts_, reader_, FromProto(config.policy().pattern_budget())),
      submitted_(surroundings, content, judge_, reader_.limits().mime, config.organization()),
      rpc_(surroundings, authenticator, source_, judge_),
      stage_(stage::MakeStage(StageOptions(), surroundings, {bus::Topic::kSubmitted, bus::Topic::kOutcome}, *this)) {}

App::~App() { Drain({}); }

Status App::Start() {
  SEKISHO_RETURN_IF_ERROR(MigrateTables(around_.database));
  SEKISHO_RETURN_IF_ERROR(source_.Start());
  SEKISHO_RETURN_IF_ERROR(stage_->Start());
  watcher_.Start("policy:watch", reload_interval_, [this] {
    source_.Poll();
    return Periodic::Next::kLater;
  });
  return Ok();
}

void App::Drain(Duration) {
  watcher_.Stop();
  stage_->Drain();
}

Result<stage::Effects> App::Process(const stage::Input& input) {
  if (input.topic == bus::Topic::kSubmitted) return submitted_.Process(input);
  mail::v1::Outcome outcome;
  if (!outcome.ParseFromString(input.value)) return MakeError(Code::kCorrupt, "an outcome cannot be read");
  return contacts_.Learn(outcome, source_.Current()->scopes);
}

std::unique_ptr<runtime::Service> MakeService(const runtime::Environment& environment) {
  return std::make_unique<App>(environment.config, environment.surroundings, environment.content, environment.directory,
                               *environment.sandbox, environment.authenticator);
}

}  // namespace sekisho::policy
