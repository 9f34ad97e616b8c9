#include "shared/store/postgres_locks.h"

#include "tests/unit/shared/store/postgres_fixture.h"

namespace sekisho::store {
namespace {

class PostgresLocksTest : public ::testing::Test {
 protected:
  PostgresTestDatabase database_;
  PostgresLocks one_{database_.conninfo()};
  PostgresLocks other_{database_.conninfo()};
};

TEST_F(PostgresLocksTest, OneProcessHasALockAtATime) {
  EXPECT_TRUE(one_.Hold("policy.outbox:0"));
  EXPECT_TRUE(one_.Hold("policy.outbox:0")) << "it has it already";
  EXPECT_FALSE(other_.Hold("policy.outbox:0"));
  EXPECT_TRUE(other_.Hold("policy.outbox:1"));
  EXPECT_FALSE(one_.Hold("policy.outbox:1"));
  one_.Release("policy.outbox:0");
  one_.Release("policy.outbox:1");  // not its own
  EXPECT_TRUE(other_.Hold("policy.outbox:0"));
  EXPECT_FALSE(one_.Hold("policy.outbox:1"));
  other_.Release("policy.outbox:0");
  EXPECT_TRUE(one_.Hold("policy.outbox:0")) << "released once is free, however often it was held";
}

TEST_F(PostgresLocksTest, ALockIsLostWithItsSession) {
  ASSERT_TRUE(one_.Hold("policy.outbox:0"));
  ASSERT_TRUE(one_.Hold("policy.outbox:1"));
  database_.Sql("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE usename = 'app'");
  EXPECT_TRUE(other_.Hold("policy.outbox:0"));
  EXPECT_FALSE(one_.Hold("policy.outbox:0"));
  EXPECT_FALSE(other_.Hold("policy.outbox:1") && one_.Hold("policy.outbox:1"));
}

TEST_F(PostgresLocksTest, ALockIsLostWithItsProcess) {
  {
    PostgresLocks gone(database_.conninfo());
    ASSERT_TRUE(gone.Hold("policy.outbox:0"));
    ASSERT_FALSE(other_.Hold("policy.outbox:0"));
  }
  // The server sees the connection close in its own time.
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!other_.Hold("policy.outbox:0")) ASSERT_LT(std::chrono::steady_clock::now(), give_up);
}

TEST(PostgresLocksAloneTest, NothingIsHeldWhereThereIsNoServer) {
  PostgresLocks locks(Secret<std::string>("host=/nonexistent dbname=postgres"));
  EXPECT_FALSE(locks.Hold("policy.outbox:0"));
  EXPECT_FALSE(locks.Hold("policy.outbox:0"));
  locks.Release("policy.outbox:0");
}

}  // namespace
}  // namespace sekisho::store
