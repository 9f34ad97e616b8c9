#pragma once
// What every driver does alike: small content as rows of the database, large as sealed objects that a row names; the
// cache; removal; the finding of orphans.

#include <memory>

#include "shared/base/clock.h"
#include "shared/content/content.h"
#include "shared/content/objects.h"

namespace sekisho::content {

struct DatabaseStoreOptions {
  uint64_t small_limit = 0;  // octets
  uint64_t cache = 0;        // octets in clear kept in memory for the next stage's read; 0: none
  // Whether a transaction that wasn't reported as durable may be so all the same: a connection lost in COMMIT. Then an
  // object that it was to name is not removed at once, but left to the sweep, which asks the rows an hour later.
  bool commit_may_be_unknown = false;
};

// `database`, `keys` and `clock` outlive it. Makes its table (schema "content").
Result<std::unique_ptr<Store>> OpenDatabaseStore(const DatabaseStoreOptions& options, std::unique_ptr<Objects> objects,
                                                 store::Database& database, keys::KeyRing& keys, const Clock& clock);

}  // namespace sekisho::content
