#pragma once
// A database on the PostgreSQL server that this program's tests share.

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "shared/store/postgres.h"
#include "shared/testing/postgres_server.h"
#include "tests/unit/shared/store/conformance.h"

namespace sekisho::store {

// Started when first used, ended with the program.
testing::PostgresServer& SharedPostgres();

// The server's database without anybody's schemas or connections, for an ordinary role that may make schemas in it.
class PostgresTestDatabase {
 public:
  explicit PostgresTestDatabase(testing::PostgresServer& server = SharedPostgres());

  // The role's, over the socket in `folder` ("": the server's).
  Secret<std::string> conninfo(const std::string& folder = "") const;
  // As the superuser.
  std::string Sql(const std::string& sql) const { return server_.Sql(sql); }

 private:
  testing::PostgresServer& server_;
};

class PostgresTest : public ::testing::Test {
 protected:
  // Opens `options` with this test's database, and makes {t.item} in it.
  std::unique_ptr<Database> Open(PostgresOptions options = {}) {
    if (options.conninfo.Reveal().empty()) options.conninfo = under_test_.conninfo();
    auto opened = OpenPostgres(std::move(options));
    EXPECT_TRUE(opened.ok()) << opened.error().ToString();
    const Migration migrations[] = {
        {1, "CREATE TABLE {t.item} (id BIGINT PRIMARY KEY, name TEXT NOT NULL, octets {blob})"}};
    EXPECT_TRUE((*opened)->Migrate("t", migrations).ok());
    return *std::move(opened);
  }
  static Status Insert(Tx& tx, int64_t id) {
    SEKISHO_RETURN_IF_ERROR(tx.Execute(kInsert, {id, std::string_view("x")}));
    return Ok();
  }
  static Status Insert(Database& database, int64_t id) {
    return database.RunAndWait([id](Tx& tx) { return Insert(tx, id); });
  }
  // The number that a statement gives; also inside a transaction.
  static Result<int64_t> Number(Tx& tx, const Statement& statement) {
    int64_t number = -1;
    SEKISHO_RETURN_IF_ERROR(tx.Query(statement, {}, [&](const Row& row) {
      number = row.Int(0);
      return Ok();
    }));
    return number;
  }
  static int64_t Count(Database& database) {
    int64_t count = -1;
    const Status status = database.Read([&](Tx& tx) -> Status {
      SEKISHO_TRY(count, Number(tx, kCount));
      return Ok();
    });
    EXPECT_TRUE(status.ok()) << status.error().ToString();
    return count;
  }
  // Ends this transaction's own backend, as an administrator would.
  static Status KillOwnBackend(Tx& tx) {
    static const Statement own("SELECT pg_backend_pid()");
    SEKISHO_TRY(const int64_t pid, Number(tx, own));
    SharedPostgres().Sql("SELECT pg_terminate_backend(" + std::to_string(pid) + ", 10000)");
    return Ok();
  }

  PostgresTestDatabase under_test_;
};

}  // namespace sekisho::store
