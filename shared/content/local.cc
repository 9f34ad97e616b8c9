#include "shared/content/local.h"

#include "shared/content/database_store.h"
#include "shared/content/folder.h"

namespace sekisho::content {

Result<std::unique_ptr<Store>> OpenLocal(const LocalOptions& options, store::Database& database, keys::KeyRing& keys,
                                         const Clock& clock) {
  SEKISHO_TRY(auto folder, OpenFolder(options.folder, options.min_free));
  return OpenDatabaseStore({.small_limit = options.small_limit, .cache = options.cache}, std::move(folder), database,
                           keys, clock);
}

}  // namespace sekisho::content
