// What an event costs that enters a stage's inbox, while it grows: PostgreSQL, event ids of 10 days.
//
//   ninja inbox_bench && bench/inbox_bench [EVENTS]

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <latch>

#include "shared/stage/stage.h"
#include "shared/stage/tables.h"
#include "shared/store/postgres.h"
#include "shared/testing/postgres_server.h"

namespace sekisho::stage {
namespace {

constexpr size_t kInAFunction = 128;  // as many as a stage's batch
constexpr size_t kAtOnce = 4;

Status Measure(store::Database& database, const Tables& tables, TimePoint from, size_t events) {
  const size_t functions = events / kInAFunction;
  const auto start = std::chrono::steady_clock::now();
  std::atomic<size_t> entered{0};
  for (size_t done = 0; done < functions; done += kAtOnce) {
    std::latch all(kAtOnce);
    for (size_t i = 0; i < kAtOnce; ++i) {
      std::vector<EventId> batch;
      for (size_t e = 0; e < kInAFunction; ++e) batch.push_back(EventId::Generate(from));
      database.Run(
          [&tables, batch](store::Tx& tx) -> Status {
            for (const EventId& event : batch) {
              SEKISHO_TRY(const bool fresh, tables.EnterInbox(tx, event));
              SEKISHO_CHECK(fresh);
            }
            return Ok();
          },
          [&](const Status& status) {
            SEKISHO_CHECK(status.ok());
            entered += kInAFunction;
            all.count_down();
          });
    }
    all.wait();
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::printf("{\"name\": \"inbox\", \"events\": %zu, \"microseconds_each\": %.1f}\n", entered.load(),
              seconds * 1e6 / static_cast<double>(entered.load()));
  std::fflush(stdout);
  return Ok();
}

Status Run(size_t events) {
  const testing::PostgresServer server({"fsync=on", "full_page_writes=on", "shared_buffers=256MB", "autovacuum=on"});
  SEKISHO_TRY(const auto database, store::OpenPostgres({.conninfo = Secret<std::string>(server.conninfo())}));
  SEKISHO_RETURN_IF_ERROR(MigrateStageTables(*database, "bench"));
  const Tables tables("bench");
  const TimePoint today = SystemClock().Now();
  for (int day = 0; day < 10; ++day) {
    SEKISHO_RETURN_IF_ERROR(Measure(*database, tables, today + day * std::chrono::hours(24), events / 10));
  }
  return Ok();
}

}  // namespace
}  // namespace sekisho::stage

int main(int argc, char** argv) {
  const sekisho::Status status = sekisho::stage::Run(argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000);
  if (!status.ok()) std::fprintf(stderr, "inbox_bench: %s\n", status.error().ToString().c_str());
  return status.ok() ? 0 : 1;
}
