#include "services/policy/adapters/policy_source.h"

#include <sys/stat.h>

#include <utility>

#include "services/policy/adapters/tables.h"
#include "shared/observe/log.h"
#include "shared/observe/metrics.h"

namespace sekisho::policy {
namespace {

void Count(const char* result) {
  observe::Metrics::Global()
      .GetCounter("sekisho_policy_reloads_total", "Policy files taken over or refused", {{"result", result}})
      .Add();
}

}  // namespace

PolicySource::PolicySource(std::string file, std::vector<std::string> own_domains, store::Database& database,
                           const Clock& clock)
    : file_(std::move(file)), own_domains_(std::move(own_domains)), database_(database), clock_(clock) {}

Status PolicySource::Start() {
  const std::lock_guard lock(polling_);
  seen_ = Look();
  return TakeOver();
}

void PolicySource::Poll() {
  const std::lock_guard lock(polling_);
  const Stamp now = Look();
  if (now == seen_) return;
  const Status taken = TakeOver();
  // A database that is down is no verdict on the file: look again.
  if (taken.ok() || taken.error().retry == Retry::kNever) seen_ = now;
  if (!taken.ok()) observe::Log(observe::Level::kError, "policy.refused", {{"file", file_}, {"error", taken.error()}});
  const std::lock_guard guard(mutex_);
  last_error_ = taken.ok() ? std::string() : taken.error().detail;
}

PolicySource::Stamp PolicySource::Look() const {
  struct stat status {};
  if (stat(file_.c_str(), &status) != 0) return {};
  return {status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec, status.st_size, status.st_ino};
}

Status PolicySource::TakeOver() {
  SEKISHO_TRY(const std::string octets, config::ReadWholeFile(file_));
  LoadedDocument document = LoadDocument(octets, file_, own_domains_);
  if (!document.policy) {
    Count("refused");
    return config::AsError(document.problems);
  }
  const auto current = Current();
  if (current && current->version == document.version) return Ok();
  SEKISHO_RETURN_IF_ERROR(database_.RunAndWait(
      [&](store::Tx& tx) { return PutVersion(tx, document.version, document.name, octets, clock_.Now()); }));
  Count("taken");
  observe::Log(observe::Level::kInfo, "policy.in_force",
               {{"version", document.version}, {"name", document.name}, {"rules", document.policy->rules.size()}});
  const std::lock_guard lock(mutex_);
  current_ = std::move(document.policy);
  return Ok();
}

std::shared_ptr<const CompiledPolicy> PolicySource::Current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

std::string PolicySource::last_error() const {
  const std::lock_guard lock(mutex_);
  return last_error_;
}

}  // namespace sekisho::policy
