// How many rows a second a driver makes durable when N callers wait at once.
//   store_bench [FOLDER [ROWS [OCTETS [WRITERS]]]]     SQLite in FOLDER; or, with "postgres" for it, PostgreSQL: a
//   server of
//                                                      its own that syncs, in the folder for temporary files
// One JSON line for each N: rows a second, functions in a commit, and how long a caller waited (median, 99 of 100).

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <string>
#include <vector>

#include "shared/base/ids.h"
#include "shared/base/random.h"
#include "shared/store/postgres.h"
#include "shared/store/sqlite.h"
#include "shared/testing/postgres_server.h"

namespace sekisho::store {
namespace {

using SteadyClock = std::chrono::steady_clock;

class Load {
 public:
  Load(Database& database, size_t rows, size_t octets)
      : database_(database), rows_(rows), value_(RandomOctets(octets)) {}

  // Keeps `callers` functions waiting until all rows are in. Gives the seconds it took.
  double Run(size_t callers) {
    const auto start = SteadyClock::now();
    for (size_t i = 0; i < callers; ++i) Queue();
    finished_.get_future().wait();
    return std::chrono::duration<double>(SteadyClock::now() - start).count();
  }
  double WaitMilliseconds(double quantile) {
    std::sort(waits_.begin(), waits_.end());
    return waits_[static_cast<size_t>(quantile * static_cast<double>(waits_.size() - 1))];
  }

 private:
  void Queue() {
    if (queued_.fetch_add(1) >= rows_) return;
    database_.Run(
        [this](Tx& tx) -> Status {
          static const Statement insert("INSERT INTO {bench.row} (id, value) VALUES ($1, $2)");
          const MailId id = MailId::Generate(clock_.Now());
          SEKISHO_RETURN_IF_ERROR(tx.Execute(insert, {Octets{id.octets()}, Octets{value_}}));
          return Ok();
        },
        [this, start = SteadyClock::now()](Status status) {
          SEKISHO_CHECK(status.ok());
          waits_.push_back(std::chrono::duration<double, std::milli>(SteadyClock::now() - start).count());
          if (waits_.size() == rows_) return finished_.set_value();
          Queue();
        });
  }

  Database& database_;
  const size_t rows_;
  const std::string value_;
  const SystemClock clock_;
  std::atomic<size_t> queued_{0};
  std::vector<double> waits_;
  std::promise<void> finished_;
};

Result<std::unique_ptr<Database>> Open(const std::string& folder, size_t writers) {
  if (folder == "postgres") {
    static const testing::PostgresServer server({"fsync=on", "full_page_writes=on", "shared_buffers=256MB"});
    server.Sql("DROP SCHEMA IF EXISTS bench CASCADE");
    return OpenPostgres({.conninfo = Secret<std::string>(server.conninfo()), .writers = writers});
  }
  std::filesystem::remove_all(folder);
  return OpenSqlite({.folder = folder});
}

Status Measure(const std::string& folder, size_t rows, size_t octets, size_t callers, size_t writers) {
  SEKISHO_TRY(const auto database, Open(folder, writers));
  const Migration migrations[] = {{1, "CREATE TABLE {bench.row} (id {blob} PRIMARY KEY, value {blob} NOT NULL)"}};
  SEKISHO_RETURN_IF_ERROR(database->Migrate("bench", migrations));
  const auto before = database->stats();
  Load load(*database, rows, octets);
  const double seconds = load.Run(callers);
  const auto after = database->stats();
  rusage usage = {};
  ::getrusage(RUSAGE_SELF, &usage);
  std::printf(
      "{\"name\": \"store\", \"callers\": %zu, \"octets\": %zu, \"rows_per_second\": %.0f, \"group\": %.1f, "
      "\"wait_ms_p50\": %.2f, \"wait_ms_p99\": %.2f, \"max_rss_mb\": %ld}\n",
      callers, octets, static_cast<double>(rows) / seconds,
      static_cast<double>(after.functions - before.functions) / static_cast<double>(after.commits - before.commits),
      load.WaitMilliseconds(0.5), load.WaitMilliseconds(0.99), usage.ru_maxrss / 1024);
  std::fflush(stdout);
  return Ok();
}

}  // namespace
}  // namespace sekisho::store

int main(int argc, char** argv) {
  const std::string folder = argc > 1 ? argv[1] : "store-bench";
  const size_t rows = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 50'000;
  const size_t octets = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 10'240;
  const size_t writers = argc > 4 ? std::strtoull(argv[4], nullptr, 10) : 4;
  for (const size_t callers : {1, 10, 100, 400}) {
    const size_t enough = std::min(rows, callers * 2'500);
    if (const auto status = sekisho::store::Measure(folder, enough, octets, callers, writers); !status.ok()) {
      std::fprintf(stderr, "store_bench: %s\n", status.error().ToString().c_str());
      return 1;
    }
  }
  std::filesystem::remove_all(folder);
  return 0;
}
