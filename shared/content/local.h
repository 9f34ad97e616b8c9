#pragma once
// The standalone driver: up to `small_limit` octets in a table of the database, larger in files under `folder`, written
// in sealed chunks, synced before the transaction that names them.

#include <memory>
#include <string>

#include "shared/base/clock.h"
#include "shared/content/content.h"

namespace sekisho::content {

struct LocalOptions {
  std::string folder;  // for files; made with mode 0700
  uint64_t small_limit = 256 * 1024;
  uint64_t min_free = 256 * 1024 * 1024;  // FreeOctets() counts from here
  uint64_t cache = 32 * 1024 * 1024;      // octets in clear kept in memory for the next stage's read; 0: none
};

// `database`, `keys` and `clock` outlive it. Makes its table (schema "content").
Result<std::unique_ptr<Store>> OpenLocal(const LocalOptions& options, store::Database& database, keys::KeyRing& keys,
                                         const Clock& clock);

}  // namespace sekisho::content
