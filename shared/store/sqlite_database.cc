#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "shared/base/failpoint.h"
#include "shared/store/sqlite.h"
#include "shared/store/sqlite_checkpointer.h"
#include "shared/store/sqlite_connection.h"
#include "shared/store/sqlite_file.h"
#include "shared/store/sqlite_readers.h"
#include "shared/store/work_queue.h"

namespace sekisho::store {
namespace {

class SqliteDatabase final : public Database {
 public:
  SqliteDatabase(const SqliteOptions& options, SqliteFile file) : options_(options), file_(std::move(file)) {}
  ~SqliteDatabase() override { Stop(); }

  Status Start();

  void Run(TxFn fn, DoneFn done) override { queue_.Push(std::move(fn), std::move(done)); }
  Status Read(FunctionRef<Status(Tx&)> fn) override { return readers_.Read(fn); }
  Status Migrate(std::string_view schema_or_part, std::span<const Migration> migrations) override;
  Stats stats() const override;
  bool sole_process() const override { return true; }
  void Stop() override;

 private:
  void Loop();
  void RunGroup(std::vector<Work>& group);
  Status Try(SqliteTx& tx, std::vector<Work>& group);
  Status RunFunctions(SqliteTx& tx, std::vector<Work>& group);
  Status Commit();

  const SqliteOptions options_;
  const SqliteFile file_;
  SqliteReaders readers_;
  SqliteCheckpointer checkpointer_;

  WorkQueue queue_{options_.queue_limit, options_.max_group};
  std::atomic<uint64_t> commits_{0}, functions_{0}, failed_commits_{0};

  // The writer thread's own.
  std::unique_ptr<SqliteConnection> writer_;
  bool broken_ = false;  // a commit could not be written or synced: nothing is committed before the WAL is emptied

  std::mutex stop_mutex_;
  std::thread thread_;
};

Status SqliteDatabase::Start() {
  SEKISHO_TRY(writer_, file_.Writer());
  SEKISHO_RETURN_IF_ERROR(checkpointer_.Open(file_, *writer_, options_.wal_limit));
  SEKISHO_RETURN_IF_ERROR(readers_.Open(file_, options_.readers));
  thread_ = std::thread([this] { Loop(); });
  return Ok();
}

void SqliteDatabase::Loop() {
  std::vector<Work> group;
  while (queue_.Take(group)) {
    // After a failed fsync the kernel may call pages clean that never reached the disk: of the WAL, only what was
    // synced before may be trusted. Emptying it copies just that into the file, and what failed never shows again.
    if (broken_) broken_ = !checkpointer_.EmptyWal();
    if (broken_) {
      for (Work& work : group) work.result = MakeError(Code::kUnavailable, "the disk fails");
    } else {
      RunGroup(group);
    }
    for (Work& work : group) work.done(std::move(work.result));
    group.clear();
    if (!broken_) checkpointer_.AfterCommit();
  }
}

void SqliteDatabase::RunGroup(std::vector<Work>& group) {
  Status whole;
  for (const auto kind : {SqliteTx::Kind::kHopeful, SqliteTx::Kind::kWithSavepoints}) {
    SqliteTx tx(*writer_, kind);
    whole = Try(tx, group);
    if (whole.ok()) {
      functions_ += group.size();
      for (const auto& hook : tx.hooks()) hook();
      return;
    }
    if (!tx.undo_needed() || broken_) break;
  }
  for (Work& work : group) {
    if (work.result.ok()) work.result = whole;
  }
}

// One transaction with all of the group, or none of it.
Status SqliteDatabase::Try(SqliteTx& tx, std::vector<Work>& group) {
  static const Statement begin("BEGIN IMMEDIATE"), rollback("ROLLBACK");
  Status whole = [&]() -> Status {
    SEKISHO_RETURN_IF_ERROR(writer_->Execute(begin, {}));
    SEKISHO_RETURN_IF_ERROR(RunFunctions(tx, group));
    return Commit();
  }();
  if (!whole.ok() && writer_->in_transaction() && !writer_->Execute(rollback, {}).ok()) broken_ = true;
  return whole;
}

// Gives an error when the transaction as a whole can't be committed.
Status SqliteDatabase::RunFunctions(SqliteTx& tx, std::vector<Work>& group) {
  const bool alone = group.size() == 1;  // needs no savepoint of its own
  for (Work& work : group) {
    work.result = alone ? work.fn(tx) : tx.Savepoint([&] { return work.fn(tx); });
    if (!writer_->in_transaction()) {
      if (!work.result.ok()) return work.result;
      return MakeError(Code::kUnavailable, "the transaction was rolled back by an error in it");
    }
    if (tx.undo_needed()) return MakeError(Code::kUnavailable, "a savepoint has to be undone");
  }
  return alone ? group[0].result : Ok();
}

Status SqliteDatabase::Commit() {
  static const Statement commit("COMMIT");
  if (Failpoint("store.before_commit")) {
    ++failed_commits_;
    return MakeError(Code::kUnavailable, "failpoint store.before_commit");
  }
  if (const auto committed = writer_->Execute(commit, {}); !committed.ok()) {
    ++failed_commits_;
    broken_ = writer_->last_code() != SQLITE_FULL;  // on a full disk no commit record was written
    return Annotate(committed.error(), "commit");
  }
  ++commits_;
  static_cast<void>(Failpoint("store.after_commit"));
  return Ok();
}

Status SqliteDatabase::Migrate(std::string_view schema_or_part, std::span<const Migration> migrations) {
  SEKISHO_TRY(const MigrationTarget target, ParseMigrationTarget(schema_or_part));
  const std::string& table = target.versions;
  const int64_t known = migrations.empty() ? 0 : migrations.back().version;
  const Statement create("CREATE TABLE IF NOT EXISTS " + table + " (version BIGINT PRIMARY KEY, works_from BIGINT)");
  SEKISHO_TRY(const std::string name, TranslateSql(table, kSqliteSql));
  const Statement column("SELECT count(*) FROM pragma_table_info($1) WHERE name = 'works_from'");
  const Statement add_column("ALTER TABLE " + table + " ADD COLUMN works_from BIGINT");
  const Statement newest("SELECT coalesce(max(version), 0) FROM " + table);
  const Statement needed("SELECT coalesce(max(coalesce(works_from, version)), 0) FROM " + table +
                         " WHERE version > $1");
  const Statement remember("INSERT INTO " + table + " (version, works_from) VALUES ($1, $2)");
  int64_t have = 0;
  SEKISHO_RETURN_IF_ERROR(RunAndWait([&](Tx& tx) -> Status {
    const auto number = [&tx](const Statement& statement, std::initializer_list<Param> params) -> Result<int64_t> {
      int64_t value = 0;
      SEKISHO_RETURN_IF_ERROR(tx.Query(statement, params, [&](const Row& row) {
        value = row.Int(0);
        return Ok();
      }));
      return value;
    };
    SEKISHO_RETURN_IF_ERROR(tx.Execute(create, {}));
    SEKISHO_TRY(const int64_t columns, number(column, {std::string_view(name)}));
    if (columns == 0) SEKISHO_RETURN_IF_ERROR(tx.Execute(add_column, {}));  // made before there was one
    SEKISHO_TRY(const int64_t least, number(needed, {known}));
    SEKISHO_RETURN_IF_ERROR(CheckNewerSchema(schema_or_part, least, known));
    SEKISHO_TRY(have, number(newest, {}));
    return Ok();
  }));
  for (const Migration& migration : migrations) {
    if (migration.version <= have) continue;
    SEKISHO_TRY(const std::string sql, TranslateSql(migration.sql, kSqliteSql));
    SEKISHO_RETURN_IF_ERROR(RunAndWait([&](Tx& tx) -> Status {
      SEKISHO_RETURN_IF_ERROR(static_cast<SqliteTx&>(tx).connection().Exec(sql));
      SEKISHO_RETURN_IF_ERROR(tx.Execute(remember, {migration.version, WorksFrom(migration)}));
      return Ok();
    }));
  }
  return Ok();
}

Database::Stats SqliteDatabase::stats() const {
  Stats stats;
  stats.commits = commits_;
  stats.functions = functions_;
  stats.failed_commits = failed_commits_;
  stats.failed_checkpoints = checkpointer_.failed();
  stats.queued = queue_.size();
  return stats;
}

void SqliteDatabase::Stop() {
  queue_.Stop();
  const std::scoped_lock lock(stop_mutex_);
  if (thread_.joinable()) thread_.join();
  readers_.Close();
  checkpointer_.Close();
  writer_.reset();
}

}  // namespace

Result<std::unique_ptr<Database>> OpenSqlite(const SqliteOptions& options) {
  SEKISHO_TRY(SqliteFile file, SqliteFile::Open(options));
  auto database = std::make_unique<SqliteDatabase>(options, std::move(file));
  SEKISHO_RETURN_IF_ERROR(database->Start());
  return std::unique_ptr<Database>(std::move(database));
}

}  // namespace sekisho::store
