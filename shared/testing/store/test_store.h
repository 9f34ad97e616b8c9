#pragma once
// The database of a test that should pass on every driver: SQLite in a temporary folder or, when the environment's
// SEKISHO_TEST_STORE is "postgres", a database of its own on the PostgreSQL server that the test program then starts.
// It goes with this object, which outlives what it opened. Make the first one on the program's main thread.

#include <memory>
#include <string>

#include "shared/store/store.h"
#include "shared/testing/postgres_server.h"
#include "shared/testing/temporary_folder.h"

namespace sekisho::testing {

// Started when first used, ended with the program.
PostgresServer& SharedPostgresServer();

class TestStore {
 public:
  TestStore() : TestStore(OnPostgres()) {}
  ~TestStore();
  TestStore(const TestStore&) = delete;
  TestStore& operator=(const TestStore&) = delete;

  // Of those that race replicas: PostgreSQL whatever the environment says.
  static std::unique_ptr<TestStore> Postgres() { return std::unique_ptr<TestStore>(new TestStore(true)); }
  static bool OnPostgres();

  // With what it held when it was closed. One writer: the local bus, which most tests have, counts on it. With
  // PostgreSQL any number may be open at a time, as replicas are.
  std::unique_ptr<store::Database> Open(size_t writers = 1) const;
  // Where SQLite's files lie.
  std::string files() const { return folder_ / "data"; }
  // libpq's connection string; empty with SQLite.
  std::string conninfo() const;

 private:
  explicit TestStore(bool postgres);

  const std::string name_;  // of PostgreSQL's database; empty with SQLite
  const TemporaryFolder folder_;
};

}  // namespace sekisho::testing
