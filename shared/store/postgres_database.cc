#include <thread>
#include <vector>

#include "shared/store/postgres.h"
#include "shared/store/postgres_group.h"
#include "shared/store/postgres_migrate.h"
#include "shared/store/postgres_readers.h"

namespace sekisho::store {
namespace {

class PostgresDatabase final : public Database {
 public:
  explicit PostgresDatabase(PostgresOptions options)
      : shared_(std::move(options)), readers_(shared_.connector, shared_.options.readers) {}
  ~PostgresDatabase() override { Stop(); }

  Status Start();

  void Run(TxFn fn, DoneFn done) override { shared_.queue.Push(std::move(fn), std::move(done)); }
  Status Read(FunctionRef<Status(Tx&)> fn) override { return readers_.Read(fn); }
  Status Migrate(std::string_view schema_or_part, std::span<const Migration> migrations) override;
  Stats stats() const override;
  bool sole_process() const override { return false; }
  void Stop() override;

 private:
  void Loop(PostgresGroup writer);
  bool KeepConnected(PostgresGroup& writer, bool& joined);

  PostgresShared shared_;
  PostgresReaders readers_;
  std::mutex stop_mutex_;
  std::vector<std::thread> threads_;
};

Status PostgresDatabase::Start() {
  PostgresGroup first(shared_);
  SEKISHO_RETURN_IF_ERROR(first.Connect());
  threads_.emplace_back([this, writer = std::move(first)]() mutable { Loop(std::move(writer)); });
  for (size_t i = 1; i < shared_.options.writers; ++i) threads_.emplace_back([this] { Loop(PostgresGroup(shared_)); });
  return Ok();
}

void PostgresDatabase::Loop(PostgresGroup writer) {
  bool joined = false;
  std::vector<Work> group;
  while (KeepConnected(writer, joined) && shared_.queue.Take(group)) {
    writer.Run(group);
    const std::scoped_lock lock(shared_.callbacks);
    for (Work& work : group) work.done(std::move(work.result));
    group.clear();
  }
}

// Waits until the writer has a connection; false when the database stops before that. Without one it takes no work,
// which another may do.
bool PostgresDatabase::KeepConnected(PostgresGroup& writer, bool& joined) {
  for (;;) {
    const Status connected = writer.Connect();
    if (connected.ok()) {
      if (!joined) shared_.queue.Join();
      joined = true;
      return true;
    }
    if (joined) {
      auto refused = shared_.queue.Leave(connected.error());
      const std::scoped_lock lock(shared_.callbacks);
      for (Work& work : refused) work.done(connected.error());
    }
    joined = false;
    if (!shared_.queue.Pause(shared_.connector.Pause())) return false;
  }
}

Status PostgresDatabase::Migrate(std::string_view schema_or_part, std::span<const Migration> migrations) {
  SEKISHO_TRY(const MigrationTarget target, ParseMigrationTarget(schema_or_part));
  SEKISHO_TRY(const auto connection, shared_.connector.Open());
  SEKISHO_RETURN_IF_ERROR(MigratePostgres(*connection, schema_or_part, target, migrations));
  shared_.SetMarks(std::make_unique<const PostgresMarks>(target.schema));
  return Ok();
}

Database::Stats PostgresDatabase::stats() const {
  Stats stats;
  stats.commits = shared_.commits;
  stats.functions = shared_.functions;
  stats.queued = shared_.queue.size();
  stats.failed_commits = shared_.failed_commits;
  stats.reruns = shared_.reruns;
  stats.unknown_commits = shared_.unknown_commits;
  return stats;
}

void PostgresDatabase::Stop() {
  shared_.queue.Stop();
  const std::scoped_lock lock(stop_mutex_);
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  readers_.Close();
}

}  // namespace

Result<std::unique_ptr<Database>> OpenPostgres(PostgresOptions options) {
  SEKISHO_CHECK(options.writers > 0 && options.readers > 0);
  const Handle<PQconninfoOption, PQconninfoFree> readable(PQconninfoParse(options.conninfo.Reveal().c_str(), nullptr));
  if (readable == nullptr) return MakeError(Code::kInvalid, "the connection string of PostgreSQL can't be read");
  auto database = std::make_unique<PostgresDatabase>(std::move(options));
  SEKISHO_RETURN_IF_ERROR(database->Start());
  return std::unique_ptr<Database>(std::move(database));
}

}  // namespace sekisho::store
