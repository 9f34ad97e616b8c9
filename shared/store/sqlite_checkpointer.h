#pragma once
// Brings the WAL into the database file beside the writer, so that commits seldom wait for it and the WAL stays
// bounded: a thread copies pages as they gather; when writing outruns it, the writer itself finishes the copy between
// two transactions, and the WAL starts again from its beginning. Inside this module only.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>

#include "shared/store/sqlite_connection.h"
#include "shared/store/sqlite_file.h"

namespace sekisho::store {

class SqliteCheckpointer {
 public:
  ~SqliteCheckpointer() { Close(); }

  // Watches the commits of `writer`, which outlives Close(), and starts the thread. `wal_limit` in octets.
  Status Open(const SqliteFile& file, SqliteConnection& writer, uint64_t wal_limit);
  void Close();

  // On the writer's thread, between transactions.
  void AfterCommit();
  // On the writer's thread: copies everything that is committed and truncates the WAL. False when that failed.
  bool EmptyWal() { return Checkpoint(*writer_, SQLITE_CHECKPOINT_TRUNCATE); }

  // Checkpoints that failed. Harmless by themselves: the WAL keeps what was not copied, and the next one copies it
  // again.
  uint64_t failed() const { return failed_; }

 private:
  void Loop();
  bool Checkpoint(SqliteConnection& connection, int mode);

  SqliteConnection* writer_ = nullptr;
  int copy_pages_ = 0, restart_pages_ = 0;
  int wal_pages_ = 0;   // in the WAL after the last commit
  int copied_at_ = 0;   // wal_pages_ when the thread was last woken
  int restart_at_ = 0;  // wal_pages_ at which the writer restarts the WAL

  std::atomic<uint64_t> failed_{0};
  std::mutex checkpoint_mutex_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool due_ = false;
  bool stopping_ = false;
  std::unique_ptr<SqliteConnection> connection_;  // the thread's own
  std::thread thread_;
};

}  // namespace sekisho::store
