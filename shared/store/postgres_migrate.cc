#include "shared/store/postgres_migrate.h"

#include <charconv>
#include <string>

#include "shared/store/postgres_outcome.h"

namespace sekisho::store {
namespace {

// Inside a transaction: the version that `table` remembers, with everybody else kept from changing the schema.
Result<int> LockedVersion(PostgresConnection& connection, const std::string& name, const std::string& table) {
  SEKISHO_RETURN_IF_ERROR(
      connection.Exec("SELECT pg_advisory_xact_lock(hashtextextended('sekisho migration of " + name + "', 0))"));
  // Not IF NOT EXISTS: that needs the right to create schemas even where an administrator has made this one.
  SEKISHO_TRY(const auto exists, connection.Text("SELECT 1 FROM pg_namespace WHERE nspname = '" + name + "'"));
  if (!exists.has_value()) SEKISHO_RETURN_IF_ERROR(connection.Exec("CREATE SCHEMA \"" + name + "\""));
  SEKISHO_RETURN_IF_ERROR(connection.Exec("CREATE TABLE IF NOT EXISTS " + table + " (version BIGINT PRIMARY KEY)"));
  SEKISHO_RETURN_IF_ERROR(PostgresMarks(name).Create(connection));
  SEKISHO_TRY(const auto newest, connection.Text("SELECT coalesce(max(version), 0) FROM " + table));
  int version = 0;
  const std::string text = newest.value_or("0");
  std::from_chars(text.data(), text.data() + text.size(), version);
  return version;
}

// Inside a transaction: one step towards `migrations`. False when there is nothing left to do.
Result<bool> Step(PostgresConnection& connection, std::string_view schema_or_part, const MigrationTarget& target,
                  std::span<const Migration> migrations) {
  SEKISHO_TRY(const std::string table, TranslateSql(target.versions, kPostgresSql));
  SEKISHO_TRY(const int have, LockedVersion(connection, target.schema, table));
  const int want = migrations.empty() ? 0 : migrations.back().version;
  if (have > want) return NewerSchema(schema_or_part, have, want);
  for (const Migration& migration : migrations) {
    if (migration.version <= have) continue;
    SEKISHO_TRY(const std::string sql,
                TranslateSql(migration.postgres_sql.empty() ? migration.sql : migration.postgres_sql, kPostgresSql));
    SEKISHO_RETURN_IF_ERROR(connection.Exec(sql));
    SEKISHO_RETURN_IF_ERROR(
        connection.Exec("INSERT INTO " + table + " (version) VALUES (" + std::to_string(migration.version) + ")"));
    return migration.version != want;
  }
  return false;
}

}  // namespace

Status MigratePostgres(PostgresConnection& connection, std::string_view schema_or_part, const MigrationTarget& target,
                       std::span<const Migration> migrations) {
  SEKISHO_RETURN_IF_ERROR(connection.LiftLimits());
  for (bool more = true; more;) {
    SEKISHO_RETURN_IF_ERROR(connection.Exec("BEGIN"));
    SEKISHO_TRY(more, Step(connection, schema_or_part, target,
                           migrations));  // an error ends the connection, and this transaction
    SEKISHO_RETURN_IF_ERROR(connection.Commit());
  }
  return Ok();
}

}  // namespace sekisho::store
