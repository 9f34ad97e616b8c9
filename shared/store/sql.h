#pragma once
// The common SQL of store.h in a database's own form. Inside this module only.

#include <cstdint>
#include <string>
#include <string_view>

#include "shared/base/result.h"
#include "shared/store/store.h"

namespace sekisho::store {

struct SqlDialect {
  std::string_view parameter;    // before a parameter's number
  std::string_view quote;        // around a table with its schema
  std::string_view separator;    // between the two
  std::string_view blob;         // the type for octets
  std::string_view for_update;   // the clause that keeps rows as they are
  std::string_view skip_locked;  // that which passes over rows that are kept so
};

// Text between single quotes stays. Errors: kInternal for an unknown {word}.
Result<std::string> TranslateSql(std::string_view sql, const SqlDialect& dialect);

// What Database::Migrate names.
struct MigrationTarget {
  std::string schema;
  std::string versions;  // the table that remembers them, as in the common SQL: {schema.migration}
};
// Of a schema, or of a part of one: "policy/stage". Errors: kInternal for anything but such a name.
Result<MigrationTarget> ParseMigrationTarget(std::string_view schema_or_part);

// The version of the schema that a program must know at least once `migration` was made.
inline int64_t WorksFrom(const Migration& migration) {
  return migration.works_from == 0 ? migration.version : migration.works_from;
}

// Whether a program that knows the version `known` of a schema runs on one that needs programs to know `needed`: the
// highest works_from of what was migrated above `known`, 0 when nothing was. Errors: kPrecondition. See
// Database::Migrate.
Status CheckNewerSchema(std::string_view schema_or_part, int64_t needed, int64_t known);

}  // namespace sekisho::store
