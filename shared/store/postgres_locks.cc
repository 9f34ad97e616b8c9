#include "shared/store/postgres_locks.h"

#include "shared/store/postgres_connector.h"
#include "shared/store/postgres_tx.h"

namespace sekisho::store {
namespace {

constexpr Duration kAnswerLimit = std::chrono::seconds(2);

PostgresOptions OptionsFor(Secret<std::string> conninfo) {
  PostgresOptions options;
  options.conninfo = std::move(conninfo);
  options.statement_limit = kAnswerLimit;
  return options;
}

}  // namespace

PostgresLocks::PostgresLocks(Secret<std::string> conninfo)
    : options_(OptionsFor(std::move(conninfo))), connector_(std::make_unique<PostgresConnector>(options_)) {}

PostgresLocks::~PostgresLocks() = default;

bool PostgresLocks::Connected() {
  if (connection_ != nullptr) return true;
  auto opened = connector_->Open();
  if (!opened.ok()) return false;
  connection_ = *std::move(opened);
  return true;
}

// The session is gone, or nobody knows: what it had is free as soon as the server sees it.
void PostgresLocks::Lost() {
  connection_.reset();
  held_.clear();
}

bool PostgresLocks::Hold(std::string_view name) {
  const std::scoped_lock lock(mutex_);
  // A session may be ended while nobody looks: then there is another, which has nothing.
  if (!held_.empty() && !connection_->Exec("SELECT 1").ok()) Lost();
  if (held_.contains(name)) return true;
  if (!Connected()) return false;
  const auto taken =
      connection_->Text("SELECT 1 WHERE pg_try_advisory_lock(" + std::to_string(AdvisoryKey(name)) + ")");
  if (!taken.ok()) {
    Lost();
    return false;
  }
  if (taken->has_value()) held_.emplace(name);
  return taken->has_value();
}

void PostgresLocks::Release(std::string_view name) {
  const std::scoped_lock lock(mutex_);
  const auto held = held_.find(name);
  if (held == held_.end()) return;
  held_.erase(held);
  const Status released = connection_->Exec("SELECT pg_advisory_unlock(" + std::to_string(AdvisoryKey(name)) + ")");
  if (!released.ok()) Lost();
}

}  // namespace sekisho::store
