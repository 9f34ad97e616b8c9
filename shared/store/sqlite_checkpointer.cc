#include "shared/store/sqlite_checkpointer.h"

namespace sekisho::store {
namespace {

constexpr int kCopiesBeforeRestart = 16;  // how often the thread copies before the limit is reached
constexpr int kBusyMilliseconds = 100;    // how long the writer waits for readers of the WAL

}  // namespace

Status SqliteCheckpointer::Open(const SqliteFile& file, SqliteConnection& writer, uint64_t wal_limit) {
  SEKISHO_TRY(connection_, file.Checkpointer());
  SEKISHO_TRY(const int64_t page_size, writer.Number("PRAGMA page_size"));
  restart_pages_ = static_cast<int>(static_cast<int64_t>(wal_limit) / page_size);
  copy_pages_ = restart_pages_ / kCopiesBeforeRestart;
  writer_ = &writer;
  wal_pages_ = copied_at_ = 0;
  restart_at_ = restart_pages_;
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
    restart_at_ = restart_pages_;
  }
  if (wal_pages_ >= restart_at_) {
    Checkpoint(*writer_, SQLITE_CHECKPOINT_RESTART);
    restart_at_ += copy_pages_;  // a reader may have kept it from restarting: not at every commit again
  } else if (wal_pages_ >= copied_at_ + copy_pages_) {
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
