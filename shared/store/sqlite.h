#pragma once
// The standalone driver: one SQLite file in WAL mode, synchronous=FULL, one writer thread that groups commits, a pool
// of reading connections. One process: a lock file beside the database refuses a second.

#include <cstddef>
#include <memory>
#include <string>

#include "shared/store/store.h"

namespace sekisho::store {

struct SqliteOptions {
  std::string folder;           // made with mode 0700 when absent; holds sekisho.db and sekisho.lock
  size_t queue_limit = 20'000;  // functions waiting; over it Run answers kExhausted
  size_t max_group = 512;       // functions in one transaction
  size_t readers = 4;
  uint64_t wal_limit = 64 << 20;     // octets of the WAL above which a commit waits until it is copied into the file
  std::string synchronous = "FULL";  // tests of the power-cut suite turn it OFF to show that they notice
};

// Errors: kPrecondition when another process holds the folder; kUnavailable, kCorrupt when the file can't be opened.
Result<std::unique_ptr<Database>> OpenSqlite(const SqliteOptions& options);

}  // namespace sekisho::store
