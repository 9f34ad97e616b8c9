#include "shared/store/sqlite_checkpointer.h"

namespace sekisho::store {
namespace {

constexpr int kCopyPages = 512;              // 4 MiB
constexpr int kRestartPages = 8192;          // 64 MiB
constexpr int kBusyMilliseconds = 100;       // how long the writer waits for readers of the WAL

}  // namespace

Status SqliteCheckpointer::Open(const SqliteFile& file, SqliteConnection& writer) {
  SEKISHO_TRY(connection_, file.Checkpointer());
  writer_ = &writer;
  wal_pages_ = copied_at_ = 0;
  restart_at_ = kRestartPages;
  due_ = stopping_ = false;
  sqlite3_busy_timeout(writer.raw(), kBusyMilliseconds);
  sqlite3_wal_hook(
      writer.raw(),
      [](void* self, sqlite3*, const char*, int pages) {
        static_cast<SqliteCheckpointer*>(self)->wal_pages_ = pages;
        return SQLITE_OK;
      },
      this);
  thread_ = std::thread([this] { Loop(); });
  return Ok();
}

void SqliteCheckpointer::Close() {
  if (!thread_.joinable()) return;
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    wake_.notify_one();
  }
  thread_.join();
  connection_.reset();
}

void SqliteCheckpointer::AfterCommit() {
  if (wal_pages_ < copied_at_) {  // it started again from its beginning
    copied_at_ = 0;
    restart_at_ = kRestartPages;
  }
  if (wal_pages_ >= restart_at_) {
    Checkpoint(*writer_, SQLITE_CHECKPOINT_RESTART);
    restart_at_ += kRestartPages / 8;  // a reader may have kept it from restarting: not at every commit again
  } else if (wal_pages_ >= copied_at_ + kCopyPages) {
    copied_at_ = wal_pages_;
    const std::scoped_lock lock(mutex_);
    due_ = true;
    wake_.notify_one();
  }
}

void SqliteCheckpointer::Loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return stopping_ || due_; });
    if (stopping_) return;
    due_ = false;
    lock.unlock();
    Checkpoint(*connection_, SQLITE_CHECKPOINT_PASSIVE);
    lock.lock();
  }
}

bool SqliteCheckpointer::Checkpoint(SqliteConnection& connection, int mode) {
  const std::scoped_lock one_at_a_time(checkpoint_mutex_);  // SQLite would answer "busy" to the second
  const int code = sqlite3_wal_checkpoint_v2(connection.raw(), nullptr, mode, nullptr, nullptr);
  if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY) ++failed_;
  return code == SQLITE_OK;
}

}  // namespace sekisho::store
