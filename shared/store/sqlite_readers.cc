#include "shared/store/sqlite_readers.h"

namespace sekisho::store {

Status SqliteReaders::Open(const SqliteFile& file, size_t count) {
  std::vector<std::unique_ptr<SqliteConnection>> opened;
  for (size_t i = 0; i < count; ++i) {
    SEKISHO_TRY(auto connection, file.Reader());
    opened.push_back(std::move(connection));
  }
  const std::scoped_lock lock(mutex_);
  free_ = std::move(opened);
  open_ = count;
  closed_ = false;
  return Ok();
}

void SqliteReaders::Close() {
  std::unique_lock lock(mutex_);
  closed_ = true;
  changed_.notify_all();
  changed_.wait(lock, [&] { return free_.size() == open_; });
  free_.clear();
  open_ = 0;
}

std::unique_ptr<SqliteConnection> SqliteReaders::Borrow() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return closed_ || !free_.empty(); });
  if (closed_) return nullptr;
  auto connection = std::move(free_.back());
  free_.pop_back();
  return connection;
}

void SqliteReaders::GiveBack(std::unique_ptr<SqliteConnection> connection) {
  const std::scoped_lock lock(mutex_);
  free_.push_back(std::move(connection));
  changed_.notify_all();
}

Status SqliteReaders::Read(FunctionRef<Status(Tx&)> fn) {
  static const Statement begin("BEGIN"), end("COMMIT");
  auto connection = Borrow();
  if (connection == nullptr) return MakeError(Code::kUnavailable, "the database is closed");
  std::vector<std::function<void()>> hooks;
  const Status status = [&]() -> Status {
    SEKISHO_RETURN_IF_ERROR(connection->Execute(begin, {}));
    SqliteTx tx(*connection, SqliteTx::Kind::kReadOnly);
    Status result = fn(tx);
    if (connection->in_transaction()) SEKISHO_RETURN_IF_ERROR(connection->Execute(end, {}));
    hooks = std::move(tx.hooks());
    return result;
  }();
  GiveBack(std::move(connection));
  if (status.ok()) {
    for (const auto& hook : hooks) hook();
  }
  return status;
}

}  // namespace sekisho::store
