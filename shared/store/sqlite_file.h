#pragma once
// The folder of the SQLite driver: its lock, its database file, and the connections to it. Inside this module only.

#include <memory>
#include <string>

#include "shared/base/files.h"
#include "shared/store/sqlite.h"
#include "shared/store/sqlite_connection.h"

namespace sekisho::store {

class SqliteFile {
 public:
  // Makes and locks the folder, makes the file. It stays locked as long as this lives.
  static Result<SqliteFile> Open(const SqliteOptions& options);

  // A connection that may write, after checking that the file is ours and bringing a WAL of an earlier run into it.
  Result<std::unique_ptr<SqliteConnection>> Writer() const;
  Result<std::unique_ptr<SqliteConnection>> Reader() const;
  Result<std::unique_ptr<SqliteConnection>> Checkpointer() const;

 private:
  SqliteFile(std::string path, std::string synchronous, FileDescriptor lock)
      : path_(std::move(path)), synchronous_(std::move(synchronous)), lock_(std::move(lock)) {}

  std::string path_;
  std::string synchronous_;
  FileDescriptor lock_;
};

}  // namespace sekisho::store
