#include "tests/unit/shared/store/postgres_fixture.h"

namespace sekisho::store {

testing::PostgresServer& SharedPostgres() {
  static testing::PostgresServer server({"deadlock_timeout=20ms"});
  return server;
}

PostgresTestDatabase::PostgresTestDatabase(testing::PostgresServer& server) : server_(server) {
  server_.Sql(R"(DO $$
    DECLARE name text;
    BEGIN
      IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'app') THEN
        CREATE ROLE app LOGIN;
        GRANT CREATE ON DATABASE postgres TO app;
      END IF;
      PERFORM pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE usename = 'app';
      FOR name IN SELECT nspname FROM pg_namespace WHERE nspowner = 'app'::regrole LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', name);
      END LOOP;
    END $$)");
}

Secret<std::string> PostgresTestDatabase::conninfo(const std::string& folder) const {
  return Secret<std::string>("host=" + (folder.empty() ? server_.folder() : folder) + " dbname=postgres user=app");
}

}  // namespace sekisho::store
