#pragma once
// Policy's tables, schema "policy": the versions that were in force, and whom each sender has reached.

#include <string_view>

#include "shared/base/clock.h"
#include "shared/store/store.h"

namespace sekisho::policy {

Status MigrateTables(store::Database& database);

// A version that comes into force; again, when it did before.
Status PutVersion(store::Tx& tx, std::string_view version, std::string_view name, std::string_view document,
                  TimePoint now);

// Blind indexes of sender and recipient.
Result<bool> HasContact(store::Tx& tx, std::string_view sender, std::string_view recipient);
Status PutContact(store::Tx& tx, std::string_view sender, std::string_view recipient, TimePoint now);

}  // namespace sekisho::policy
