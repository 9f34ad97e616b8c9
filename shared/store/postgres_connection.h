#pragma once
// One connection to PostgreSQL with its prepared statements. Used by one thread at a time. Inside this module only.

#include <libpq-fe.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/clock.h"
#include "shared/base/handle.h"
#include "shared/base/result.h"
#include "shared/store/postgres.h"
#include "shared/store/postgres_error.h"
#include "shared/store/sql.h"
#include "shared/store/store.h"

namespace sekisho::store {

inline constexpr SqlDialect kPostgresSql = {.parameter = "$",
                                            .quote = "\"",
                                            .separator = "\".\"",
                                            .blob = "bytea",
                                            .for_update = "FOR UPDATE",
                                            .skip_locked = "FOR UPDATE SKIP LOCKED"};

class PostgresConnection {
 public:
  // Blocks for some seconds at most for each of the hosts that `options.conninfo` names.
  static Result<std::unique_ptr<PostgresConnection>> Open(const PostgresOptions& options);

  // Runs statements of PostgreSQL's own SQL, without parameters; rows are dropped.
  Status Exec(const std::string& sql);
  // The first column of the first row, as text; nothing when there is no row, or NULL in it.
  Result<std::optional<std::string>> Text(const std::string& sql);
  // COMMIT. An error with lost() says nothing about whether it happened; any other says that it did not.
  Status Commit();

  Result<int64_t> Execute(const Statement& statement, std::initializer_list<Param> params);
  // All rows are fetched before the first call of `each`, in which the connection may be used.
  Status Query(const Statement& statement, std::initializer_list<Param> params, FunctionRef<Status(const Row&)> each);

  // No statement is stopped for the time it takes, from now on.
  Status LiftLimits();

  bool lost() const { return lost_; }
  // A statement failed, so that the server does nothing more in this transaction, or since its last savepoint.
  bool transaction_failed() const { return PQtransactionStatus(connection_.get()) == PQTRANS_INERROR; }
  bool idle() const {
    return !lost_ && PQtransactionStatus(connection_.get()) == PQTRANS_IDLE;
  }  // between transactions
  // Of the last call that the server failed.
  PostgresFailure failure() const { return failure_; }
  // A condition on pg_stat_activity that is true of this connection's backend only.
  const std::string& backend() const { return backend_; }

 private:
  using ResultHandle = Handle<PGresult, PQclear>;

  PostgresConnection(PGconn* connection, Duration answer_limit)
      : connection_(connection), answer_limit_(answer_limit) {}
  Status Prepare(const Statement& statement, std::initializer_list<Param> params);
  Result<ResultHandle> Run(const Statement& statement, std::initializer_list<Param> params);
  Result<ResultHandle> RunText(const std::string& sql);
  // The last result of what was sent; `sent` is libpq's word on the sending.
  Result<ResultHandle> Answer(int sent);
  // True once the connection has something new, false when it has not in time or is gone.
  bool WaitForServer(std::chrono::steady_clock::time_point deadline);
  Error Failed(const PGresult* result);
  Error Lost(const char* why);

  Handle<PGconn, PQfinish> connection_;
  Duration answer_limit_;
  std::string backend_;
  std::vector<bool> prepared_;  // by Statement::id()
  PostgresFailure failure_ = PostgresFailure::kStatement;
  bool lost_ = false;
};

}  // namespace sekisho::store
