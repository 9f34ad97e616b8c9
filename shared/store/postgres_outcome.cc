#include "shared/store/postgres_outcome.h"

#include <algorithm>
#include <thread>

namespace sekisho::store {
namespace {

constexpr Duration kPoll = std::chrono::milliseconds(10);

std::string Table(std::string_view schema) { return "{" + std::string(schema) + ".last_commit}"; }

}  // namespace

PostgresMarks::PostgresMarks(std::string_view schema)
    : create_("CREATE TABLE IF NOT EXISTS " + Table(schema) +
              " (writer TEXT PRIMARY KEY, number BIGINT NOT NULL, at TIMESTAMPTZ NOT NULL)"),
      forget_("DELETE FROM " + Table(schema) + " WHERE at < now() - interval '1 day'"),
      mark_("INSERT INTO " + Table(schema) +
            " AS m (writer, number, at) SELECT $1, $2, now() WHERE pg_current_xact_id_if_assigned() IS NOT NULL "
            "ON CONFLICT (writer) DO UPDATE SET number = excluded.number, at = excluded.at"),
      // Waits for the transaction in question, for it holds the row or is about to make it.
      ask_("INSERT INTO " + Table(schema) +
           " AS m (writer, number, at) VALUES ($1, 0, now()) "
           "ON CONFLICT (writer) DO UPDATE SET number = m.number RETURNING number") {}

Status PostgresMarks::Create(PostgresConnection& connection) const {
  SEKISHO_TRY(const std::string create, TranslateSql(create_, kPostgresSql));
  SEKISHO_RETURN_IF_ERROR(connection.Exec(create));
  SEKISHO_RETURN_IF_ERROR(connection.Execute(forget_, {}));
  return Ok();
}

Result<bool> PostgresMarks::Mark(PostgresConnection& connection, std::string_view writer, int64_t number) const {
  SEKISHO_TRY(const int64_t rows, connection.Execute(mark_, {writer, number}));
  return rows == 1;
}

PostgresOutcome PostgresMarks::Find(PostgresConnector& connector, const std::string& backend, std::string_view writer,
                                    int64_t number, Duration limit) const {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  for (;;) {
    int64_t last = -1;
    if (const auto connection = connector.Open(); connection.ok()) {
      // A backend that never got the COMMIT would wait for it; one that hangs in it ends it either way. The asking
      // itself leaves nothing that must last.
      Status asked = (*connection)
                         ->Exec(
                             "SET synchronous_commit = off; SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                             "WHERE " +
                             backend);
      if (asked.ok()) {
        asked = (*connection)->Query(ask_, {writer}, [&](const Row& row) {
          last = row.Int(0);
          return Ok();
        });
      }
      if (asked.ok()) return last == number ? PostgresOutcome::kCommitted : PostgresOutcome::kRolledBack;
    }
    const Duration left = std::chrono::floor<Duration>(deadline - std::chrono::steady_clock::now());
    if (left <= Duration::zero()) return PostgresOutcome::kUnknown;
    std::this_thread::sleep_for(std::min(left, std::max(kPoll, connector.Pause())));
  }
}

}  // namespace sekisho::store
