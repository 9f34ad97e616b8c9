#include "shared/testing/store/test_store.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "shared/store/postgres.h"
#include "shared/store/sqlite.h"

namespace sekisho::testing {
namespace {

std::string NextName() {
  static std::atomic<int> last{0};
  return "test_" + std::to_string(++last);
}

std::unique_ptr<store::Database> Opened(Result<std::unique_ptr<store::Database>> database) {
  if (!database.ok()) {
    std::fprintf(stderr, "a test's database: %s\n", database.error().ToString().c_str());
    std::abort();
  }
  return *std::move(database);
}

}  // namespace

PostgresServer& SharedPostgresServer() {
  static PostgresServer server({"deadlock_timeout=20ms", "max_connections=100"});
  return server;
}

bool TestStore::OnPostgres() {
  const char* kind = std::getenv("SEKISHO_TEST_STORE");
  if (kind == nullptr || std::string_view(kind) == "sqlite") return false;
  SEKISHO_CHECK(std::string_view(kind) == "postgres");
  return true;
}

TestStore::TestStore(bool postgres) : name_(postgres ? NextName() : "") {
  if (postgres) SharedPostgresServer().Sql("CREATE DATABASE " + name_);
}

TestStore::~TestStore() {
  if (!name_.empty()) SharedPostgresServer().Sql("DROP DATABASE " + name_ + " WITH (FORCE)");
}

std::string TestStore::conninfo() const {
  if (name_.empty()) return "";
  return "host=" + SharedPostgresServer().folder() + " port=5432 user=sekisho dbname=" + name_;
}

std::unique_ptr<store::Database> TestStore::Open(size_t writers) const {
  if (name_.empty()) return Opened(store::OpenSqlite({.folder = files()}));
  store::PostgresOptions options;
  options.conninfo = Secret<std::string>(conninfo());
  options.writers = writers;
  return Opened(store::OpenPostgres(std::move(options)));
}

}  // namespace sekisho::testing
