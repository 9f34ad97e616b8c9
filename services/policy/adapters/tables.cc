#include "services/policy/adapters/tables.h"

namespace sekisho::policy {

using store::Octets;
using store::Statement;

Status MigrateTables(store::Database& database) {
  static const store::Migration kMigrations[] = {
      {1,
       "CREATE TABLE {policy.version} (version TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, document {blob} NOT "
       "NULL, "
       "in_force_since BIGINT NOT NULL);\n"
       "CREATE TABLE {policy.contact} (sender {blob} NOT NULL, recipient {blob} NOT NULL, first_at BIGINT NOT NULL, "
       "last_at BIGINT NOT NULL, PRIMARY KEY (sender, recipient));\n"},
  };
  return database.Migrate("policy", kMigrations);
}

Status PutVersion(store::Tx& tx, std::string_view version, std::string_view name, std::string_view document,
                  TimePoint now) {
  static const Statement kPut(
      "INSERT INTO {policy.version} (version, name, document, in_force_since) VALUES ($1, $2, $3, $4) "
      "ON CONFLICT (version) DO UPDATE SET in_force_since = excluded.in_force_since");
  SEKISHO_RETURN_IF_ERROR(tx.Execute(kPut, {version, name, Octets{document}, ToMicros(now)}));
  return Ok();
}

Result<bool> HasContact(store::Tx& tx, std::string_view sender, std::string_view recipient) {
  static const Statement kHas("SELECT 1 FROM {policy.contact} WHERE sender = $1 AND recipient = $2");
  bool found = false;
  SEKISHO_RETURN_IF_ERROR(tx.Query(kHas, {Octets{sender}, Octets{recipient}}, [&](const store::Row&) {
    found = true;
    return Ok();
  }));
  return found;
}

Status PutContact(store::Tx& tx, std::string_view sender, std::string_view recipient, TimePoint now) {
  // A known pair is touched once a day at most, so that mail among the same people writes next to nothing, and locks
  // nothing: a conflict would lock the row, changed or not, and replicas come upon pairs in any order.
  static const Statement kPut(
      "INSERT INTO {policy.contact} AS known (sender, recipient, first_at, last_at) SELECT $1, $2, $3, $3 "
      "WHERE NOT EXISTS (SELECT 1 FROM {policy.contact} WHERE sender = $1 AND recipient = $2 AND "
      "last_at >= $3 - 86400000000) "
      "ON CONFLICT (sender, recipient) DO UPDATE SET last_at = excluded.last_at WHERE known.last_at < "
      "excluded.last_at");
  SEKISHO_RETURN_IF_ERROR(tx.Execute(kPut, {Octets{sender}, Octets{recipient}, ToMicros(now)}));
  return Ok();
}

}  // namespace sekisho::policy
