#include "shared/content/s3/distributed.h"

#include "shared/content/database_store.h"
#include "shared/content/s3/bucket.h"

namespace sekisho::content {

Result<std::unique_ptr<Store>> OpenDistributed(const DistributedOptions& options, store::Database& database,
                                               keys::KeyRing& keys, const Clock& clock) {
  SEKISHO_TRY(auto client, s3::Client::Open(options.s3, clock));
  SEKISHO_TRY(auto bucket, s3::OpenBucket(std::move(client), options.prefix, options.part_size));
  return OpenDatabaseStore({.small_limit = options.small_limit, .cache = options.cache, .commit_may_be_unknown = true},
                           std::move(bucket), database, keys, clock);
}

}  // namespace sekisho::content
