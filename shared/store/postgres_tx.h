#pragma once
// The open transaction of a connection, as functions see it. Inside this module only.

#include <optional>

#include "shared/store/group_tx.h"
#include "shared/store/postgres_connection.h"

namespace sekisho::store {

// The number under which PostgreSQL knows an advisory lock. Names that share one wait for each other needlessly.
int64_t AdvisoryKey(std::string_view name);

class PostgresTx final : public GroupTx {
 public:
  PostgresTx(PostgresConnection& connection, Kind kind) : GroupTx(kind), connection_(connection) {}

  Result<int64_t> Execute(const Statement& statement, std::initializer_list<Param> params) override;
  Status Query(const Statement& statement, std::initializer_list<Param> params,
               FunctionRef<Status(const Row&)> each) override;
  Status Lock(std::string_view name) override;
  Status Savepoint(FunctionRef<Status()> fn) override;

  // `status`, unless the server has failed the transaction and `status` does not say so: PostgreSQL, other than SQLite,
  // does nothing more in a transaction after an error that no savepoint undid.
  Status Truthful(Status status) const;

  // The error that failed the transaction for a reason outside its functions: it may succeed when they run again.
  const std::optional<Error>& again() const { return again_; }

 private:
  Status CheckOpen() const;
  void Failed(const Error& error);
  Status Exec(const std::string& sql);

  PostgresConnection& connection_;
  std::optional<Error> failed_, again_;  // what made the server fail the transaction
};

}  // namespace sekisho::store
