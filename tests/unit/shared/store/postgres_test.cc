#include "shared/store/postgres.h"

#include "shared/base/failpoint.h"
#include "shared/store/postgres_error.h"
#include "tests/unit/shared/store/postgres_fixture.h"

namespace sekisho::store {
namespace {

class PostgresUnderTest final : public DatabaseUnderTest {
 public:
  PostgresUnderTest(size_t writers, PostgresIsolation isolation) : writers_(writers), isolation_(isolation) {}
  std::unique_ptr<Database> Open(size_t queue_limit) override {
    auto opened = OpenPostgres(
        {.conninfo = database_.conninfo(), .queue_limit = queue_limit, .writers = writers_, .isolation = isolation_});
    EXPECT_TRUE(opened.ok()) << opened.error().ToString();
    return opened.ok() ? *std::move(opened) : nullptr;
  }
  size_t writers() const override { return writers_; }

 private:
  PostgresTestDatabase database_;
  const size_t writers_;
  const PostgresIsolation isolation_;
};

template <size_t kWriters, PostgresIsolation kIsolation>
std::unique_ptr<DatabaseUnderTest> MakeUnderTest() {
  return std::make_unique<PostgresUnderTest>(kWriters, kIsolation);
}
INSTANTIATE_TEST_SUITE_P(PostgresOneWriter, DatabaseConformance,
                         ::testing::Values(&MakeUnderTest<1, PostgresIsolation::kSerializable>));
INSTANTIATE_TEST_SUITE_P(PostgresFourWriters, DatabaseConformance,
                         ::testing::Values(&MakeUnderTest<4, PostgresIsolation::kReadCommitted>));

TEST_F(PostgresTest, ReadsWhateverAggregatesGive) {
  const auto database = Open();
  static const Statement statements[] = {
      Statement("SELECT sum(x) FROM (VALUES (9223372036854775806::bigint), (1)) AS v (x)"),
      Statement("SELECT sum(x) FROM (VALUES ((-9223372036854775808)::bigint), (0)) AS v (x)"),
      Statement("SELECT sum(x) FROM (VALUES (20000000::bigint), (20000000)) AS v (x)"),
      Statement("SELECT sum(x) FROM (VALUES (1::bigint), (-1)) AS v (x)"),
      Statement("SELECT sum(x) FROM (VALUES (12345::bigint), (67890)) AS v (x)"),
      Statement("SELECT (-2)::smallint"),
      Statement("SELECT (-70000)::integer"),
      Statement("SELECT true"),
      Statement("SELECT NULL::bigint"),
  };
  const int64_t expected[] = {INT64_MAX, INT64_MIN, 40'000'000, 0, 80'235, -2, -70'000, 1, 0};
  ASSERT_TRUE(database
                  ->Read([&](Tx& tx) -> Status {
                    for (size_t i = 0; i < std::size(expected); ++i) {
                      SEKISHO_TRY(const int64_t value, Number(tx, statements[i]));
                      EXPECT_EQ(value, expected[i]) << statements[i].sql();
                    }
                    return Ok();
                  })
                  .ok());
}

TEST_F(PostgresTest, RefusesValuesThatNoOtherDriverGives) {
  const auto database = Open();
  static const Statement statements[] = {Statement("SELECT 0.5::numeric"), Statement("SELECT 'NaN'::numeric"),
                                         Statement("SELECT 9223372036854775808::numeric"),
                                         Statement("SELECT 10000000000000000000000::numeric"),
                                         Statement("SELECT now()")};
  for (const Statement& statement : statements) {
    const Status status = database->Read([&](Tx& tx) -> Status {
      SEKISHO_RETURN_IF_ERROR(Number(tx, statement));
      return Ok();
    });
    ASSERT_FALSE(status.ok()) << statement.sql();
    EXPECT_EQ(status.error().code, Code::kInternal);
  }
}

TEST_F(PostgresTest, NumbersInExpressionsAreNeverCutToFourOctets) {
  const auto database = Open();
  static const Statement add("SELECT $1 + 1");
  ASSERT_TRUE(database
                  ->Read([&](Tx& tx) {
                    return tx.Query(add, {int64_t{1} << 40}, [](const Row& row) {
                      EXPECT_EQ(row.Int(0), (int64_t{1} << 40) + 1);
                      return Ok();
                    });
                  })
                  .ok());
}

TEST_F(PostgresTest, ErrorsQuoteNoValues) {
  const auto database = Open();
  static const Statement text("INSERT INTO {t.item} (id, name) VALUES (1, $1)");
  static const Statement number("SELECT $1::text::bigint");
  const std::string secret = "hanako@example.jp";
  const auto run = [&](const Statement& statement, const std::string& value) {
    return database->RunAndWait([&](Tx& tx) -> Status {
      return tx.Query(statement, {std::string_view(value)}, [](const Row&) { return Ok(); });
    });
  };
  ASSERT_TRUE(run(text, secret).ok());
  const Status exists = run(text, secret);
  ASSERT_FALSE(exists.ok());
  EXPECT_EQ(exists.error().ToString(), "exists: PostgreSQL 23505 at item_pkey");
  const Status invalid = run(number, secret);
  ASSERT_FALSE(invalid.ok());
  EXPECT_EQ(invalid.error().ToString(), "internal: PostgreSQL 22P02");
  const Status nul = run(text, std::string("a\0b", 3));
  ASSERT_FALSE(nul.ok()) << "text is never cut at a NUL";
  EXPECT_EQ(nul.error().code, Code::kInternal);
}

TEST_F(PostgresTest, ReportsTheServersTroubles) {
  const auto database = Open({.statement_limit = std::chrono::milliseconds(300)});
  static const Statement full("DO $$BEGIN RAISE EXCEPTION 'disk full' USING ERRCODE = '53100'; END$$");
  static const Statement slow("SELECT 1 FROM pg_sleep(60)");
  const auto run = [&](const Statement& statement) {
    return database->RunAndWait([&](Tx& tx) { return tx.Query(statement, {}, [](const Row&) { return Ok(); }); });
  };
  const Status exhausted = run(full);
  ASSERT_FALSE(exhausted.ok());
  EXPECT_EQ(exhausted.error().code, Code::kExhausted);
  const Status timeout = run(slow);
  ASSERT_FALSE(timeout.ok());
  EXPECT_EQ(timeout.error().code, Code::kTimeout);
  EXPECT_EQ(timeout.error().retry, Retry::kLater);
  EXPECT_TRUE(Insert(*database, 1).ok());
}

TEST(PostgresErrorTest, KnowsWhatHasToHappenToTheTransaction) {
  struct Case {
    const char* sqlstate;
    Code code;
    PostgresFailure failure;
  };
  const Case cases[] = {
      {"23505", Code::kExists, PostgresFailure::kStatement},
      {"23503", Code::kInternal, PostgresFailure::kStatement},
      {"42P01", Code::kInternal, PostgresFailure::kStatement},
      {"08P01", Code::kInternal, PostgresFailure::kStatement},
      {"08006", Code::kUnavailable, PostgresFailure::kLost},
      {"57P01", Code::kUnavailable, PostgresFailure::kLost},
      {"57P03", Code::kUnavailable, PostgresFailure::kLost},
      {"57014", Code::kTimeout, PostgresFailure::kStatement},
      {"40001", Code::kUnavailable, PostgresFailure::kConflict},
      {"40P01", Code::kUnavailable, PostgresFailure::kConflict},
      {"55P03", Code::kUnavailable, PostgresFailure::kConflict},
      {"53100", Code::kExhausted, PostgresFailure::kStatement},
      {"53200", Code::kExhausted, PostgresFailure::kStatement},
      {"53300", Code::kUnavailable, PostgresFailure::kLost},
      {"58030", Code::kUnavailable, PostgresFailure::kStatement},
      {"XX001", Code::kCorrupt, PostgresFailure::kStatement},
      {"XX000", Code::kInternal, PostgresFailure::kStatement},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(PostgresError(c.sqlstate, "", "").code, c.code) << c.sqlstate;
    EXPECT_EQ(ClassifyPostgres(c.sqlstate), c.failure) << c.sqlstate;
  }
}

TEST_F(PostgresTest, AFunctionThatGoesOnAfterAnErrorFailsWithIt) {
  const auto database = Open();
  ASSERT_TRUE(Insert(*database, 1).ok());
  const Status status = database->RunAndWait([](Tx& tx) -> Status {
    EXPECT_FALSE(Insert(tx, 1).ok());
    EXPECT_FALSE(Insert(tx, 2).ok());
    return Ok();
  });
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, Code::kExists);
  EXPECT_EQ(Count(*database), 1);
  // A savepoint is the way to go on.
  EXPECT_TRUE(database
                  ->RunAndWait([](Tx& tx) -> Status {
                    EXPECT_FALSE(tx.Savepoint([&] { return Insert(tx, 1); }).ok());
                    return Insert(tx, 2);
                  })
                  .ok());
  EXPECT_EQ(Count(*database), 2);
}

TEST_F(PostgresTest, AFailpointBeforeTheCommitLeavesNothing) {
  const auto database = Open();
  ASSERT_TRUE(ArmFailpoints("store.before_commit=error@1").ok());
  const Status failed = Insert(*database, 1);
  ASSERT_TRUE(ArmFailpoints("").ok());
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code, Code::kUnavailable);
  EXPECT_EQ(database->stats().failed_commits, 1u);
  EXPECT_EQ(Count(*database), 0);
  EXPECT_TRUE(Insert(*database, 1).ok());
}

TEST_F(PostgresTest, CommitsAreDurableWhateverTheRolesDefaultSays) {
  under_test_.Sql("ALTER ROLE ALL SET synchronous_commit = 'off'");
  const auto database = Open();
  static const Statement setting("SELECT current_setting('synchronous_commit')");
  ASSERT_TRUE(database
                  ->RunAndWait([](Tx& tx) {
                    return tx.Query(setting, {}, [](const Row& row) {
                      EXPECT_EQ(row.Text(0), "on");
                      return Ok();
                    });
                  })
                  .ok());
  under_test_.Sql("ALTER ROLE ALL RESET synchronous_commit");
}

TEST(PostgresOpenTest, SaysWhatIsWrongWithTheConnection) {
  const auto unreadable = OpenPostgres({.conninfo = Secret<std::string>("password='half")});
  ASSERT_FALSE(unreadable.ok());
  EXPECT_EQ(unreadable.error().code, Code::kInvalid);
  EXPECT_EQ(unreadable.error().detail.find("half"), std::string::npos);
  const auto nobody = OpenPostgres({.conninfo = Secret<std::string>("host=/nonexistent password=half")});
  ASSERT_FALSE(nobody.ok());
  EXPECT_EQ(nobody.error().code, Code::kUnavailable);
  EXPECT_EQ(nobody.error().retry, Retry::kLater);
  EXPECT_EQ(nobody.error().detail.find("half"), std::string::npos);
}

}  // namespace
}  // namespace sekisho::store
