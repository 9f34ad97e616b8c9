#include "shared/store/sqlite_connection.h"

namespace sekisho::store {
namespace {

class SqliteRow final : public Row {
 public:
  explicit SqliteRow(sqlite3_stmt* statement) : statement_(statement) {}
  bool IsNull(int column) const override { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
  int64_t Int(int column) const override { return sqlite3_column_int64(statement_, column); }
  std::string_view Text(int column) const override {
    return View(reinterpret_cast<const char*>(sqlite3_column_text(statement_, column)), column);
  }
  std::string_view Blob(int column) const override {
    return View(static_cast<const char*>(sqlite3_column_blob(statement_, column)), column);
  }

 private:
  // The size is asked for after the pointer: the conversion to text may change it.
  std::string_view View(const char* octets, int column) const {
    if (octets == nullptr) return {};
    return {octets, static_cast<size_t>(sqlite3_column_bytes(statement_, column))};
  }
  sqlite3_stmt* statement_;
};

struct Binder {
  sqlite3_stmt* statement;
  int index;

  int operator()(std::nullptr_t) const { return sqlite3_bind_null(statement, index); }
  int operator()(int64_t number) const { return sqlite3_bind_int64(statement, index, number); }
  int operator()(std::string_view text) const {
    return sqlite3_bind_text64(statement, index, NotNull(text), text.size(), SQLITE_STATIC, SQLITE_UTF8);
  }
  int operator()(Octets octets) const {
    return sqlite3_bind_blob64(statement, index, NotNull(octets.value), octets.value.size(), SQLITE_STATIC);
  }
  // SQLite takes a null pointer for NULL, even when the size says "empty".
  static const char* NotNull(std::string_view text) { return text.data() == nullptr ? "" : text.data(); }
};

// Makes the statement ready for its next use, whatever happened, and drops the pointers to parameters.
class ResetAtEnd {
 public:
  explicit ResetAtEnd(sqlite3_stmt* statement) : statement_(statement) {}
  ~ResetAtEnd() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }
  ResetAtEnd(const ResetAtEnd&) = delete;
  ResetAtEnd& operator=(const ResetAtEnd&) = delete;

 private:
  sqlite3_stmt* statement_;
};

}  // namespace

Error SqliteError(int code, std::string_view message) {
  std::string detail = "SQLite " + std::to_string(code) + ": " + std::string(message);
  switch (code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
      return MakeError(Code::kExists, std::move(detail));
    default:
      break;
  }
  switch (code & 0xff) {
    case SQLITE_FULL:
    case SQLITE_NOMEM:
      return MakeError(Code::kExhausted, std::move(detail));
    case SQLITE_IOERR:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_CANTOPEN:
    case SQLITE_PROTOCOL:
      return MakeError(Code::kUnavailable, std::move(detail));
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return MakeError(Code::kCorrupt, std::move(detail));
    default:
      return MakeError(Code::kInternal, std::move(detail));
  }
}

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::Open(const std::string& path, Access access,
                                                                 int cache_pages) {
  sqlite3* raw = nullptr;
  const int flags = (access == Access::kReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) | SQLITE_OPEN_NOMUTEX |
                    SQLITE_OPEN_PRIVATECACHE;
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
  std::unique_ptr<SqliteConnection> connection(new SqliteConnection(raw));
  if (code != SQLITE_OK) return SqliteError(code, "cannot open " + path);
  sqlite3_extended_result_codes(raw, 1);
  SEKISHO_RETURN_IF_ERROR(connection->Exec("PRAGMA cache_size=" + std::to_string(cache_pages) +
                                           "; PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0; PRAGMA foreign_keys=ON"));
  return connection;
}

Error SqliteConnection::Failed(int code) {
  last_code_ = code;
  return SqliteError(code, sqlite3_errmsg(database_.get()));
}

Status SqliteConnection::Exec(const std::string& sql) {
  const int code = sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? Ok() : Status(Failed(code));
}

Result<int64_t> SqliteConnection::Number(const std::string& sql) {
  sqlite3_stmt* raw = nullptr;
  if (const int code = sqlite3_prepare_v2(database_.get(), sql.c_str(), -1, &raw, nullptr); code != SQLITE_OK) {
    return Failed(code);
  }
  const StatementHandle statement(raw);
  if (const int code = sqlite3_step(raw); code != SQLITE_ROW) return Failed(code);
  return sqlite3_column_int64(raw, 0);
}

Result<sqlite3_stmt*> SqliteConnection::Prepare(const Statement& statement) {
  if (statement.id() >= prepared_.size()) prepared_.resize(statement.id() + 1);
  StatementHandle& slot = prepared_[statement.id()];
  if (slot != nullptr) return slot.get();
  SEKISHO_TRY(const std::string sql, TranslateSql(statement.sql(), kSqliteSql));
  sqlite3_stmt* raw = nullptr;
  const int code = sqlite3_prepare_v3(database_.get(), sql.c_str(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
  if (code != SQLITE_OK) return Failed(code);
  slot.reset(raw);
  return raw;
}

Result<sqlite3_stmt*> SqliteConnection::Bind(const Statement& statement, std::initializer_list<Param> params) {
  SEKISHO_TRY(sqlite3_stmt * prepared, Prepare(statement));
  if (sqlite3_stmt_busy(prepared) != 0) {
    return MakeError(Code::kInternal, "a statement is used inside its own result");
  }
  if (static_cast<size_t>(sqlite3_bind_parameter_count(prepared)) != params.size()) {
    return MakeError(Code::kInternal,
                     "a statement got " + std::to_string(params.size()) + " parameters: " + statement.sql());
  }
  int index = 0;
  for (const Param& param : params) {
    const int code = std::visit(Binder{prepared, ++index}, param);
    if (code != SQLITE_OK) return Failed(code);
  }
  return prepared;
}

Result<int64_t> SqliteConnection::Execute(const Statement& statement, std::initializer_list<Param> params) {
  SEKISHO_TRY(sqlite3_stmt * prepared, Bind(statement, params));
  const ResetAtEnd reset(prepared);
  int code = sqlite3_step(prepared);
  while (code == SQLITE_ROW) code = sqlite3_step(prepared);
  if (code != SQLITE_DONE) return Failed(code);
  return sqlite3_changes64(database_.get());
}

Status SqliteConnection::Query(const Statement& statement, std::initializer_list<Param> params,
                               FunctionRef<Status(const Row&)> each) {
  SEKISHO_TRY(sqlite3_stmt * prepared, Bind(statement, params));
  const ResetAtEnd reset(prepared);
  const SqliteRow row(prepared);
  for (;;) {
    const int code = sqlite3_step(prepared);
    if (code == SQLITE_DONE) return Ok();
    if (code != SQLITE_ROW) return Failed(code);
    SEKISHO_RETURN_IF_ERROR(each(row));
  }
}

Status SqliteTx::CheckOpen() const {
  if (connection_.in_transaction()) return Ok();
  return MakeError(Code::kUnavailable, "the transaction was rolled back by an earlier error");
}

Result<int64_t> SqliteTx::Execute(const Statement& statement, std::initializer_list<Param> params) {
  SEKISHO_RETURN_IF_ERROR(CheckOpen());
  if (kind_ == Kind::kReadOnly) return MakeError(Code::kInternal, "Execute inside a Read");
  return connection_.Execute(statement, params);
}

Status SqliteTx::Query(const Statement& statement, std::initializer_list<Param> params,
                       FunctionRef<Status(const Row&)> each) {
  SEKISHO_RETURN_IF_ERROR(CheckOpen());
  return connection_.Query(statement, params, each);
}

// One writer: no other transaction runs.
Status SqliteTx::Lock(std::string_view) {
  SEKISHO_RETURN_IF_ERROR(CheckOpen());
  return kind_ == Kind::kReadOnly ? MakeError(Code::kInternal, "Lock inside a Read") : Ok();
}

Status SqliteTx::Savepoint(FunctionRef<Status()> fn) {
  // One name for all depths: SQLite takes the innermost.
  static const Statement open("SAVEPOINT s"), release("RELEASE s"), undo("ROLLBACK TO s");
  SEKISHO_RETURN_IF_ERROR(CheckOpen());
  if (kind_ != Kind::kWithSavepoints) {
    Status status = fn();
    if (!status.ok()) undo_needed_ = true;
    return status;
  }
  const size_t hooks = hooks_.size();
  SEKISHO_RETURN_IF_ERROR(connection_.Execute(open, {}));
  Status status = fn();
  if (!status.ok()) {
    hooks_.resize(hooks);
    if (!connection_.in_transaction()) return status;
    SEKISHO_RETURN_IF_ERROR(connection_.Execute(undo, {}));
  }
  SEKISHO_RETURN_IF_ERROR(CheckOpen());
  SEKISHO_RETURN_IF_ERROR(connection_.Execute(release, {}));
  return status;
}

}  // namespace sekisho::store
