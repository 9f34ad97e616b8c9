#pragma once
// The distributed driver: up to `small_limit` octets in a table of the database, larger in an S3-compatible object
// store, durable there before the transaction that names them. Any number of processes may share both.

#include <memory>
#include <string>

#include "shared/base/clock.h"
#include "shared/content/content.h"
#include "shared/content/s3/client.h"

namespace sekisho::content {

struct DistributedOptions {
  s3::ClientOptions s3;
  std::string prefix = "content/";       // of the objects' keys: nothing else in the bucket may begin with it
  uint64_t small_limit = 256 * 1024;     // octets
  uint64_t part_size = 5 * 1024 * 1024;  // memory of a writer of large content; at least 5 MiB, which is S3's rule
  uint64_t cache = 32 * 1024 * 1024;     // octets in clear kept in memory for the next stage's read; 0: none
};

// `database`, `keys` and `clock` outlive it. Makes its table (schema "content"). Doesn't ask the object store for
// anything: one that is down is no reason not to start. Errors: kInvalid.
Result<std::unique_ptr<Store>> OpenDistributed(const DistributedOptions& options, store::Database& database,
                                               keys::KeyRing& keys, const Clock& clock);

}  // namespace sekisho::content
