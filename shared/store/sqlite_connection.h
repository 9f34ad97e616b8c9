#pragma once
// One SQLite connection with its prepared statements. Used by one thread at a time. Inside this module only.

#include <sqlite3.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/handle.h"
#include "shared/base/result.h"
#include "shared/store/group_tx.h"
#include "shared/store/sql.h"
#include "shared/store/store.h"

namespace sekisho::store {

inline constexpr SqlDialect kSqliteSql = {
    .parameter = "?", .quote = "", .separator = "_", .blob = "BLOB", .for_update = "", .skip_locked = ""};

// The error for a SQLite result code (extended), as store.h promises.
Error SqliteError(int code, std::string_view message);

class SqliteConnection {
 public:
  enum class Access { kReadWrite, kReadOnly };

  // Opens an existing file. The page cache holds `cache_pages`, and what a transaction has changed.
  static Result<std::unique_ptr<SqliteConnection>> Open(const std::string& path, Access access, int cache_pages);

  // Runs statements of SQLite's own SQL, without parameters; rows are dropped.
  Status Exec(const std::string& sql);
  // The first column of the first row.
  Result<int64_t> Number(const std::string& sql);

  Result<int64_t> Execute(const Statement& statement, std::initializer_list<Param> params);
  Status Query(const Statement& statement, std::initializer_list<Param> params, FunctionRef<Status(const Row&)> each);

  // False when an error made SQLite roll the whole transaction back by itself (disk full, I/O error).
  bool in_transaction() const { return sqlite3_get_autocommit(database_.get()) == 0; }
  // Of the last call that failed; extended. 0 after none.
  int last_code() const { return last_code_; }
  sqlite3* raw() { return database_.get(); }

 private:
  using StatementHandle = Handle<sqlite3_stmt, sqlite3_finalize>;

  explicit SqliteConnection(sqlite3* database) : database_(database) {}
  Result<sqlite3_stmt*> Prepare(const Statement& statement);
  Result<sqlite3_stmt*> Bind(const Statement& statement, std::initializer_list<Param> params);
  Error Failed(int code);

  Handle<sqlite3, sqlite3_close> database_;
  std::vector<StatementHandle> prepared_;  // by Statement::id(); dies before the connection
  int last_code_ = 0;
};

// The open transaction of a connection, as functions see it.
class SqliteTx final : public GroupTx {
 public:
  SqliteTx(SqliteConnection& connection, Kind kind) : GroupTx(kind), connection_(connection) {}

  Result<int64_t> Execute(const Statement& statement, std::initializer_list<Param> params) override;
  Status Query(const Statement& statement, std::initializer_list<Param> params,
               FunctionRef<Status(const Row&)> each) override;
  Status Lock(std::string_view name) override;
  Status Savepoint(FunctionRef<Status()> fn) override;

  SqliteConnection& connection() { return connection_; }

 private:
  Status CheckOpen() const;

  SqliteConnection& connection_;
};

}  // namespace sekisho::store
