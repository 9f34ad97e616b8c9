#include "shared/store/postgres_connection.h"

#include <poll.h>

#include <charconv>
#include <deque>

#include "shared/store/postgres_row.h"

namespace sekisho::store {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr Oid kInt8 = 20;
constexpr int kText = 0, kBinary = 1;

std::string Milliseconds(Duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

// A commit that was answered is on the disk, whatever the role's default says. A session that stopped talking holds no
// lock for ever.
std::string SessionSettings(const PostgresOptions& options) {
  return "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'; "
         "SET lock_timeout = " +
         Milliseconds(options.lock_limit) + "; SET statement_timeout = " + Milliseconds(options.statement_limit) +
         "; SET idle_in_transaction_session_timeout = '60s'";
}

constexpr char kBackend[] =
    "SELECT format('pid = %s AND backend_start = %L', pid, backend_start) FROM pg_stat_activity WHERE pid = "
    "pg_backend_pid()";

// libpq's messages end in a newline and may have several lines.
std::string OneLine(const char* message) {
  std::string line(message);
  while (line.ends_with('\n')) line.pop_back();
  for (char& c : line) c = c == '\n' ? ' ' : c;
  return line;
}

std::string_view Field(const PGresult* result, int field) {
  const char* value = PQresultErrorField(result, field);
  return value == nullptr ? std::string_view() : value;
}

std::string Name(const Statement& statement) { return "s" + std::to_string(statement.id()); }

// Parameters as libpq takes them. Numbers go as text, which the server reads as whatever integer type it wants; text
// and octets as they are (binary), which needs neither escaping nor a NUL at the end.
class Arguments {
 public:
  explicit Arguments(std::initializer_list<Param> params) {
    for (const Param& param : params) std::visit(*this, param);
  }
  void operator()(std::nullptr_t) { Add(nullptr, 0, kText); }
  void operator()(int64_t number) {
    Digits& digits = numbers_.emplace_back();
    *std::to_chars(digits.text, digits.text + sizeof digits.text - 1, number).ptr = '\0';
    Add(digits.text, 0, kText);
  }
  void operator()(std::string_view text) { Add(NotNull(text), text.size(), kBinary); }
  void operator()(Octets octets) { Add(NotNull(octets.value), octets.value.size(), kBinary); }

  int count() const { return static_cast<int>(values_.size()); }
  const char* const* values() const { return values_.data(); }
  const int* lengths() const { return lengths_.data(); }
  const int* formats() const { return formats_.data(); }

 private:
  struct Digits {
    char text[24];
  };
  // libpq takes a null pointer for NULL, even when the size says "empty".
  static const char* NotNull(std::string_view text) { return text.data() == nullptr ? "" : text.data(); }
  void Add(const char* value, size_t size, int format) {
    values_.push_back(value);
    lengths_.push_back(static_cast<int>(size));
    formats_.push_back(format);
  }

  std::vector<const char*> values_;
  std::vector<int> lengths_, formats_;
  std::deque<Digits> numbers_;  // never moves what values_ points to
};

}  // namespace

Result<std::unique_ptr<PostgresConnection>> PostgresConnection::Open(const PostgresOptions& options) {
  // Later entries win: ours, what `conninfo` says, what must be so.
  const char* keywords[] = {
      "connect_timeout",           "keepalives_idle", "keepalives_interval", "keepalives_count",     "tcp_user_timeout",
      "fallback_application_name", "dbname",          "client_encoding",     "target_session_attrs", nullptr};
  const char* values[] = {"5",    "10",         "5",    "3", "30000", "sekisho", options.conninfo.Reveal().c_str(),
                          "UTF8", "read-write", nullptr};
  // Twice: the server's own limit should strike first.
  std::unique_ptr<PostgresConnection> connection(
      new PostgresConnection(PQconnectdbParams(keywords, values, 1), 2 * options.statement_limit));
  PGconn* raw = connection->connection_.get();
  if (PQstatus(raw) != CONNECTION_OK) return MakeError(Code::kUnavailable, OneLine(PQerrorMessage(raw)));
  PQsetNoticeReceiver(
      raw, [](void*, const PGresult*) {}, nullptr);
  PQsetnonblocking(raw, 1);
  SEKISHO_RETURN_IF_ERROR(connection->Exec(SessionSettings(options)));
  SEKISHO_TRY(const auto backend, connection->Text(kBackend));
  connection->backend_ = backend.value_or("false");
  return connection;
}

Status PostgresConnection::LiftLimits() {
  answer_limit_ = std::chrono::hours(24);
  return Exec("SET lock_timeout = 0; SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0");
}

Error PostgresConnection::Lost(const char* why) {
  lost_ = true;
  failure_ = PostgresFailure::kLost;
  return MakeError(Code::kUnavailable, std::string("the connection to PostgreSQL is lost: ") + why);
}

Error PostgresConnection::Failed(const PGresult* result) {
  const std::string_view sqlstate = Field(result, PG_DIAG_SQLSTATE);
  if (sqlstate.empty()) return Lost(OneLine(PQresultErrorMessage(result)).c_str());
  failure_ = ClassifyPostgres(sqlstate);
  if (PQstatus(connection_.get()) != CONNECTION_OK) failure_ = PostgresFailure::kLost;
  lost_ = failure_ == PostgresFailure::kLost;
  return PostgresError(sqlstate, Field(result, PG_DIAG_MESSAGE_PRIMARY), Field(result, PG_DIAG_CONSTRAINT_NAME));
}

bool PostgresConnection::WaitForServer(SteadyClock::time_point deadline) {
  PGconn* raw = connection_.get();
  for (;;) {
    const int unsent = PQflush(raw);
    if (unsent < 0) return false;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - SteadyClock::now()).count();
    if (left <= 0) return false;
    pollfd socket = {PQsocket(raw), static_cast<short>(POLLIN | (unsent != 0 ? POLLOUT : 0)), 0};
    const int events = ::poll(&socket, 1, static_cast<int>(left));
    if (events < 0 && errno != EINTR) return false;
    if (events > 0 && (socket.revents & ~POLLOUT) != 0) return PQconsumeInput(raw) == 1;
  }
}

Result<PostgresConnection::ResultHandle> PostgresConnection::Answer(int sent) {
  PGconn* raw = connection_.get();
  if (sent != 1) return Lost(OneLine(PQerrorMessage(raw)).c_str());
  const auto deadline = SteadyClock::now() + answer_limit_;
  ResultHandle last;
  std::optional<Error> failed;
  for (;;) {
    // Sends what is left of the request, too.
    while (PQflush(raw) != 0 || PQisBusy(raw) != 0) {
      if (WaitForServer(deadline)) continue;
      return Lost(SteadyClock::now() < deadline ? OneLine(PQerrorMessage(raw)).c_str() : "no answer in time");
    }
    ResultHandle result(PQgetResult(raw));
    if (result == nullptr) break;
    const ExecStatusType status = PQresultStatus(result.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY && !failed) {
      failed = Failed(result.get());
    }
    last = std::move(result);
  }
  if (PQstatus(raw) != CONNECTION_OK) return Lost(failed ? failed->detail.c_str() : "closed");
  if (failed) return *std::move(failed);
  if (last == nullptr) return Lost("no answer");
  return last;
}

Result<PostgresConnection::ResultHandle> PostgresConnection::RunText(const std::string& sql) {
  return Answer(PQsendQuery(connection_.get(), sql.c_str()));
}

Status PostgresConnection::Exec(const std::string& sql) {
  SEKISHO_TRY(const ResultHandle result, RunText(sql));
  return Ok();
}

Result<std::optional<std::string>> PostgresConnection::Text(const std::string& sql) {
  SEKISHO_TRY(const ResultHandle result, RunText(sql));
  if (PQntuples(result.get()) == 0 || PQgetisnull(result.get(), 0, 0) != 0) return std::optional<std::string>();
  return std::optional<std::string>(PQgetvalue(result.get(), 0, 0));
}

Status PostgresConnection::Commit() {
  SEKISHO_TRY(const ResultHandle result, RunText("COMMIT"));
  // What the server says to a COMMIT of a transaction in which something failed is "ROLLBACK", and no error.
  if (std::string_view(PQcmdStatus(result.get())) == "COMMIT") return Ok();
  return MakeError(Code::kInternal, "COMMIT of a transaction that had failed");
}

Status PostgresConnection::Prepare(const Statement& statement, std::initializer_list<Param> params) {
  if (statement.id() >= prepared_.size()) prepared_.resize(statement.id() + 1);
  if (prepared_[statement.id()]) return Ok();
  SEKISHO_TRY(const std::string sql, TranslateSql(statement.sql(), kPostgresSql));
  // Without its type, a number in an expression would count as of four octets.
  std::vector<Oid> types;
  for (const Param& param : params) types.push_back(std::holds_alternative<int64_t>(param) ? kInt8 : 0);
  SEKISHO_TRY(const ResultHandle result, Answer(PQsendPrepare(connection_.get(), Name(statement).c_str(), sql.c_str(),
                                                              static_cast<int>(types.size()), types.data())));
  prepared_[statement.id()] = true;
  return Ok();
}

Result<PostgresConnection::ResultHandle> PostgresConnection::Run(const Statement& statement,
                                                                 std::initializer_list<Param> params) {
  failure_ = PostgresFailure::kStatement;
  SEKISHO_RETURN_IF_ERROR(Prepare(statement, params));
  const Arguments arguments(params);
  return Answer(PQsendQueryPrepared(connection_.get(), Name(statement).c_str(), arguments.count(), arguments.values(),
                                    arguments.lengths(), arguments.formats(), kBinary));
}

Result<int64_t> PostgresConnection::Execute(const Statement& statement, std::initializer_list<Param> params) {
  SEKISHO_TRY(const ResultHandle result, Run(statement, params));
  const std::string_view count = PQcmdTuples(result.get());  // empty for a statement that changes no rows
  int64_t rows = 0;
  std::from_chars(count.data(), count.data() + count.size(), rows);
  return rows;
}

Status PostgresConnection::Query(const Statement& statement, std::initializer_list<Param> params,
                                 FunctionRef<Status(const Row&)> each) {
  SEKISHO_TRY(const ResultHandle result, Run(statement, params));
  PostgresRow row(result.get());
  const int rows = PQntuples(result.get());
  for (int i = 0; i < rows; ++i) {
    SEKISHO_RETURN_IF_ERROR(row.MoveTo(i));
    SEKISHO_RETURN_IF_ERROR(each(row));
  }
  return Ok();
}

}  // namespace sekisho::store
