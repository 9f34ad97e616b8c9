#pragma once
// The open transaction of a connection, as functions see it. Inside this module only.

#include <functional>
#include <optional>
#include <vector>

#include "shared/store/postgres_connection.h"

namespace sekisho::store {

class PostgresTx final : public Tx {
 public:
  // A savepoint costs two round trips, and almost all are released: hopeful, there are none, and when one would have
  // been undone, undo_needed() says that the whole has to be rolled back and run again with savepoints.
  enum class Kind { kReadOnly, kHopeful, kWithSavepoints };
  PostgresTx(PostgresConnection& connection, Kind kind) : connection_(connection), kind_(kind) {}

  Result<int64_t> Execute(const Statement& statement, std::initializer_list<Param> params) override;
  Status Query(const Statement& statement, std::initializer_list<Param> params,
               FunctionRef<Status(const Row&)> each) override;
  Status Savepoint(FunctionRef<Status()> fn) override;
  void OnCommitted(std::function<void()> fn) override { hooks_.push_back(std::move(fn)); }

  // `status`, unless the server has failed the transaction and `status` does not say so: PostgreSQL, other than SQLite,
  // does nothing more in a transaction after an error that no savepoint undid.
  Status Truthful(Status status) const;

  std::vector<std::function<void()>>& hooks() { return hooks_; }
  bool undo_needed() const { return undo_needed_; }
  // The error that failed the transaction for a reason outside its functions: it may succeed when they run again.
  const std::optional<Error>& again() const { return again_; }

 private:
  Status CheckOpen() const;
  void Failed(const Error& error);
  Status Exec(const std::string& sql);

  PostgresConnection& connection_;
  const Kind kind_;
  bool undo_needed_ = false;
  std::optional<Error> failed_, again_;  // what made the server fail the transaction
  std::vector<std::function<void()>> hooks_;
};

}  // namespace sekisho::store
