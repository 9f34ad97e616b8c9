#include "shared/store/postgres_tx.h"

namespace sekisho::store {

int64_t AdvisoryKey(std::string_view name) {
  uint64_t hash = 14695981039346656037u;  // FNV-1a
  for (const char octet : name) hash = (hash ^ static_cast<uint8_t>(octet)) * 1099511628211u;
  return static_cast<int64_t>(hash);
}

Status PostgresTx::CheckOpen() const {
  if (connection_.lost()) return MakeError(Code::kUnavailable, "the connection to PostgreSQL was lost before");
  if (failed_) return Annotate(*failed_, "after an earlier error");
  return Ok();
}

void PostgresTx::Failed(const Error& error) {
  if (!connection_.lost() && !connection_.transaction_failed()) return;  // the callback's error, or one of ours
  if (!failed_) failed_ = error;
  if (!again_ && connection_.failure() != PostgresFailure::kStatement) again_ = error;
}

Status PostgresTx::Exec(const std::string& sql) {
  Status status = connection_.Exec(sql);
  if (!status.ok()) Failed(status.error());
  return status;
}

Status PostgresTx::Truthful(Status status) const {
  if (status.ok() && failed_) return Annotate(*failed_, "a function went on after an error");
  return status;
}

Result<int64_t> PostgresTx::Execute(const Statement& statement, std::initializer_list<Param> params) {
  SEKISHO_RETURN_IF_ERROR(CheckOpen());
  if (kind_ == Kind::kReadOnly) return MakeError(Code::kInternal, "Execute inside a Read");
  auto changed = connection_.Execute(statement, params);
  if (!changed.ok()) Failed(changed.error());
  return changed;
}

Status PostgresTx::Query(const Statement& statement, std::initializer_list<Param> params,
                         FunctionRef<Status(const Row&)> each) {
  SEKISHO_RETURN_IF_ERROR(CheckOpen());
  Status status = connection_.Query(statement, params, each);
  if (!status.ok()) Failed(status.error());
  return status;
}

Status PostgresTx::Lock(std::string_view name) {
  static const Statement lock("SELECT 1 FROM pg_advisory_xact_lock($1)");
  if (kind_ == Kind::kReadOnly) return MakeError(Code::kInternal, "Lock inside a Read");
  SEKISHO_RETURN_IF_ERROR(Execute(lock, {AdvisoryKey(name)}));
  return Ok();
}

Status PostgresTx::Savepoint(FunctionRef<Status()> fn) {
  SEKISHO_RETURN_IF_ERROR(CheckOpen());
  if (kind_ != Kind::kWithSavepoints) {
    Status status = Truthful(fn());
    if (!status.ok()) undo_needed_ = true;
    return status;
  }
  const size_t hooks = hooks_.size();
  // One name for all depths: PostgreSQL takes the innermost.
  SEKISHO_RETURN_IF_ERROR(Exec("SAVEPOINT s"));
  Status status = Truthful(fn());
  if (!status.ok()) {
    hooks_.resize(hooks);
    if (again_) return status;  // the savepoint would not save it
    failed_.reset();
  }
  SEKISHO_RETURN_IF_ERROR(Exec(status.ok() ? "RELEASE s" : "ROLLBACK TO s; RELEASE s"));
  return status;
}

}  // namespace sekisho::store
