#include "shared/store/sqlite_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include <mutex>

namespace sekisho::store {
namespace {

constexpr int64_t kApplicationId = 0x53454b49;  // "SEKI"
constexpr int64_t kFileVersion = 1;             // of the file's layout, not of anybody's tables
constexpr int kPageSize = 8192;                 // README.md says what was measured
constexpr int kWriterCache = 1024;              // pages
constexpr int kReaderCache = 128;
constexpr int kCheckpointerCache = 8;

// Once a process, before SQLite's first use: its memory statistics cost a lock at each allocation.
void ConfigureLibrary() {
  static std::once_flag once;
  std::call_once(once, [] { sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); });
}

Status CheckFile(SqliteConnection& connection) {
  SEKISHO_TRY(const int64_t id, connection.Number("PRAGMA application_id"));
  SEKISHO_TRY(const int64_t version, connection.Number("PRAGMA user_version"));
  SEKISHO_TRY(const int64_t tables, connection.Number("SELECT count(*) FROM sqlite_schema"));
  if (id == 0 && version == 0 && tables == 0) {
    return connection.Exec("BEGIN; PRAGMA application_id=" + std::to_string(kApplicationId) +
                           "; PRAGMA user_version=" + std::to_string(kFileVersion) + "; COMMIT");
  }
  if (id != kApplicationId) return MakeError(Code::kCorrupt, "sekisho.db is not a database of Sekisho");
  if (version != kFileVersion) {
    return MakeError(Code::kPrecondition, "sekisho.db has layout " + std::to_string(version) + "; this program reads " +
                                              std::to_string(kFileVersion));
  }
  return Ok();
}

}  // namespace

Result<SqliteFile> SqliteFile::Open(const SqliteOptions& options) {
  ConfigureLibrary();
  SEKISHO_RETURN_IF_ERROR(MakeFolder(options.folder, 0700));
  SEKISHO_TRY(FileDescriptor lock, OpenFile(options.folder + "/sekisho.lock", O_RDWR | O_CREAT));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return SystemError(errno, options.folder + "/sekisho.lock");
    return MakeError(Code::kPrecondition, "another process uses the folder " + options.folder);
  }
  const std::string path = options.folder + "/sekisho.db";
  {
    // Made here for its mode, which SQLite copies to the WAL. Only before SQLite has it open: closing a second
    // descriptor would drop SQLite's locks (fcntl(2)).
    SEKISHO_TRY(const FileDescriptor file, OpenFile(path, O_RDWR | O_CREAT));
  }
  SEKISHO_RETURN_IF_ERROR(SyncFolder(options.folder));
  return SqliteFile(path, options.synchronous, std::move(lock));
}

Result<std::unique_ptr<SqliteConnection>> SqliteFile::Writer() const {
  using Access = SqliteConnection::Access;
  SEKISHO_TRY(auto writer, SqliteConnection::Open(path_, Access::kReadWrite, kWriterCache));
  SEKISHO_RETURN_IF_ERROR(
      writer->Exec("PRAGMA page_size=" + std::to_string(kPageSize) +
                   "; PRAGMA auto_vacuum=NONE; PRAGMA journal_mode=WAL; PRAGMA synchronous=" + synchronous_));
  // What is deleted was sealed, so its octets need no overwriting; checkpoints are ours to time.
  SEKISHO_RETURN_IF_ERROR(writer->Exec("PRAGMA secure_delete=OFF; PRAGMA wal_autocheckpoint=0"));
  SEKISHO_RETURN_IF_ERROR(CheckFile(*writer));
  // A WAL left behind goes into the file now: start is then the only time that recovery takes.
  SEKISHO_RETURN_IF_ERROR(writer->Exec("PRAGMA wal_checkpoint(TRUNCATE)"));
  return writer;
}

Result<std::unique_ptr<SqliteConnection>> SqliteFile::Reader() const {
  return SqliteConnection::Open(path_, SqliteConnection::Access::kReadOnly, kReaderCache);
}

Result<std::unique_ptr<SqliteConnection>> SqliteFile::Checkpointer() const {
  SEKISHO_TRY(auto connection, SqliteConnection::Open(path_, SqliteConnection::Access::kReadWrite, kCheckpointerCache));
  SEKISHO_RETURN_IF_ERROR(connection->Exec("PRAGMA wal_autocheckpoint=0; PRAGMA synchronous=" + synchronous_));
  return connection;
}

}  // namespace sekisho::store
