#include "shared/store/postgres_migrate.h"

#include <charconv>
#include <string>

#include "shared/store/postgres_outcome.h"

namespace sekisho::store {
namespace {

Result<int> Number(PostgresConnection& connection, const std::string& sql) {
  SEKISHO_TRY(const auto text, connection.Text(sql));
  int number = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), number);
  return number;
}

// Inside a transaction: the version that `table` remembers, with everybody else kept from changing the schema.
Result<int> LockedVersion(PostgresConnection& connection, const std::string& name, const std::string& table) {
  SEKISHO_RETURN_IF_ERROR(
      connection.Exec("SELECT pg_advisory_xact_lock(hashtextextended('sekisho migration of " + name + "', 0))"));
  // Not IF NOT EXISTS: that needs the right to create schemas even where an administrator has made this one.
  SEKISHO_TRY(const auto exists, connection.Text("SELECT 1 FROM pg_namespace WHERE nspname = '" + name + "'"));
  if (!exists.has_value()) SEKISHO_RETURN_IF_ERROR(connection.Exec("CREATE SCHEMA \"" + name + "\""));
  SEKISHO_RETURN_IF_ERROR(
      connection.Exec("CREATE TABLE IF NOT EXISTS " + table + " (version BIGINT PRIMARY KEY, works_from BIGINT)"));
  // A table that was made before there was this column. Asked first: a start that changes nothing must lock nothing.
  SEKISHO_TRY(const auto has_column, connection.Text("SELECT 1 FROM pg_attribute WHERE attrelid = '" + table +
                                                     "'::regclass AND attname = 'works_from'"));
  if (!has_column.has_value())
    SEKISHO_RETURN_IF_ERROR(connection.Exec("ALTER TABLE " + table + " ADD COLUMN works_from BIGINT"));
  SEKISHO_RETURN_IF_ERROR(PostgresMarks(name).Create(connection));
  return Number(connection, "SELECT max(version) FROM " + table);
}

// Inside a transaction: one step towards `migrations`. False when there is nothing left to do.
Result<bool> Step(PostgresConnection& connection, std::string_view schema_or_part, const MigrationTarget& target,
                  std::span<const Migration> migrations) {
  SEKISHO_TRY(const std::string table, TranslateSql(target.versions, kPostgresSql));
  SEKISHO_TRY(const int have, LockedVersion(connection, target.schema, table));
  const int want = migrations.empty() ? 0 : migrations.back().version;
  SEKISHO_TRY(const int needed, Number(connection, "SELECT max(coalesce(works_from, version)) FROM " + table +
                                                       " WHERE version > " + std::to_string(want)));
  SEKISHO_RETURN_IF_ERROR(CheckNewerSchema(schema_or_part, needed, want));
  for (const Migration& migration : migrations) {
    if (migration.version <= have) continue;
    SEKISHO_TRY(const std::string sql,
                TranslateSql(migration.postgres_sql.empty() ? migration.sql : migration.postgres_sql, kPostgresSql));
    SEKISHO_RETURN_IF_ERROR(connection.Exec(sql));
    SEKISHO_RETURN_IF_ERROR(connection.Exec("INSERT INTO " + table + " (version, works_from) VALUES (" +
                                            std::to_string(migration.version) + ", " +
                                            std::to_string(WorksFrom(migration)) + ")"));
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
