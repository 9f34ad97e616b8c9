#include "services/encryption/app.h"

#include "shared/config/mime_limits.h"
#include "shared/observe/metrics.h"

namespace sekisho::encryption {

App::App(const config::v1::Config& config, const stage::Surroundings& surroundings, content::Store& content,
         const rpc::Authenticator& authenticator)
    : book_(config.encryption(), surroundings),
      processor_(surroundings, content, book_, config::MimeLimits(config.intake().limits()),
                 notice::OptionsOf(config.organization())),
      rpc_(book_, authenticator) {
  stage::Options options;
  options.name = "encryption";
  options.window = 64;  // sealing is slow, and holds the mail in memory
  stage_ = stage::MakeStage(options, surroundings, {bus::Topic::kCleared, bus::Topic::kOutcome}, processor_);
}

Status App::Start() {
  SEKISHO_RETURN_IF_ERROR(book_.Open());
  metrics_ = observe::Metrics::Global().OnCollect([this] {
    const TimePoint expiry = book_.EarliestExpiry();
    if (expiry == TimePoint::max()) return;
    observe::Metrics::Global()
        .GetGauge("sekisho_encryption_earliest_certificate_expiry_seconds",
                  "When the first recipient or signer is without a certificate, Unix time")
        .Set(static_cast<double>(ToMicros(expiry)) / 1e6);
  });
  return stage_->Start();
}

void App::Drain(Duration) {
  if (metrics_ != 0) observe::Metrics::Global().Forget(std::exchange(metrics_, 0));
  stage_->Drain();
}

std::unique_ptr<runtime::Service> MakeService(const runtime::Environment& environment) {
  return std::make_unique<App>(environment.config, environment.surroundings, environment.content,
                               environment.authenticator);
}

}  // namespace sekisho::encryption
