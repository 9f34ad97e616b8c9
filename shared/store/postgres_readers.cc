#include "shared/store/postgres_readers.h"

#include "shared/store/postgres_tx.h"

namespace sekisho::store {
namespace {

Status ReadIn(PostgresConnection& connection, std::vector<std::function<void()>>& hooks, FunctionRef<Status(Tx&)> fn) {
  PostgresTx tx(connection, PostgresTx::Kind::kReadOnly);
  Status result = tx.Truthful(fn(tx));
  if (connection.lost()) return result;
  SEKISHO_RETURN_IF_ERROR(connection.Exec(connection.transaction_failed() ? "ROLLBACK" : "COMMIT"));
  hooks = std::move(tx.hooks());
  return result;
}

}  // namespace

// A connection may have been lost while nobody used it; then a new one begins.
Result<PostgresReaders::Connection> PostgresReaders::Begin(Connection connection) {
  const std::string begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
  if (connection != nullptr && connection->Exec(begin).ok()) return connection;
  SEKISHO_TRY(connection, connector_.Open());
  SEKISHO_RETURN_IF_ERROR(connection->Exec(begin));
  return connection;
}

Status PostgresReaders::Read(FunctionRef<Status(Tx&)> fn) {
  Connection borrowed;
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return closed_ || !free_.empty(); });
    if (closed_) return MakeError(Code::kUnavailable, "the database is closed");
    borrowed = std::move(free_.back());
    free_.pop_back();
    ++borrowed_;
  }
  std::vector<std::function<void()>> hooks;
  auto begun = Begin(std::move(borrowed));
  const Status status = begun.ok() ? ReadIn(**begun, hooks, fn) : Status(begun.error());
  {
    const std::scoped_lock lock(mutex_);
    const bool usable = begun.ok() && (*begun)->idle();
    free_.push_back(usable ? *std::move(begun) : nullptr);
    --borrowed_;
    changed_.notify_all();
  }
  if (status.ok()) {
    for (const auto& hook : hooks) hook();
  }
  return status;
}

void PostgresReaders::Close() {
  std::unique_lock lock(mutex_);
  closed_ = true;
  changed_.notify_all();
  changed_.wait(lock, [&] { return borrowed_ == 0; });
  free_.clear();
}

}  // namespace sekisho::store
