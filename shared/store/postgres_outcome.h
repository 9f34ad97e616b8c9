#pragma once
// Whether a transaction happened whose COMMIT was never answered: each writer has a row of its own, and writes the
// number of its transaction into it, in that transaction. Inside this module only.

#include <cstdint>
#include <string>
#include <string_view>

#include "shared/store/postgres_connector.h"

namespace sekisho::store {

enum class PostgresOutcome { kCommitted, kRolledBack, kUnknown };

// The rows of one schema; see docs/adr/truth-about-lost-commits.md. Safe for concurrent use.
class PostgresMarks {
 public:
  explicit PostgresMarks(std::string_view schema);

  // Makes the table, and forgets writers that have long ended.
  Status Create(PostgresConnection& connection) const;

  // Inside a transaction, last before its COMMIT. `writer`: a random name; `number` grows. False when the transaction
  // has written nothing so far, and no mark either.
  Result<bool> Mark(PostgresConnection& connection, std::string_view writer, int64_t number) const;

  // Asks over new connections until the database tells, at most for `limit`. Ends the transaction's `backend`, should
  // it still wait for what was lost.
  PostgresOutcome Find(PostgresConnector& connector, const std::string& backend, std::string_view writer,
                       int64_t number, Duration limit) const;

 private:
  const std::string create_;
  const Statement forget_, mark_, ask_;
};

}  // namespace sekisho::store
