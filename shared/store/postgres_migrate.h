#pragma once
// Migrations of a schema, one process at a time. Inside this module only.

#include <span>
#include <string_view>

#include "shared/store/postgres_connection.h"

namespace sekisho::store {

// As Database::Migrate says. Each migration is a transaction under an advisory lock of the schema; without limits of
// time.
Status MigratePostgres(PostgresConnection& connection, std::string_view schema_or_part, const MigrationTarget& target,
                       std::span<const Migration> migrations);

}  // namespace sekisho::store
