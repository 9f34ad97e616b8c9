#pragma once
// A pool of reading connections; each call of Read borrows one. Thread safe. Inside this module only.

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "shared/store/sqlite_connection.h"
#include "shared/store/sqlite_file.h"

namespace sekisho::store {

class SqliteReaders {
 public:
  // Opens `count` connections. Before it, and after Close, Read answers kUnavailable.
  Status Open(const SqliteFile& file, size_t count);
  // Waits until each connection is back, then closes them.
  void Close();

  Status Read(FunctionRef<Status(Tx&)> fn);

 private:
  std::unique_ptr<SqliteConnection> Borrow();
  void GiveBack(std::unique_ptr<SqliteConnection> connection);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<SqliteConnection>> free_;
  size_t open_ = 0;  // connections there are, free or borrowed
  bool closed_ = true;
};

}  // namespace sekisho::store
