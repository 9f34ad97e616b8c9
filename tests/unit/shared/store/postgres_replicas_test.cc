// Several processes on one database.

#include <barrier>
#include <set>

#include "tests/unit/shared/store/postgres_fixture.h"

namespace sekisho::store {
namespace {

using PostgresReplicasTest = PostgresTest;

TEST_F(PostgresReplicasTest, NeverLeaseTheSameRow) {
  static const Statement fill("INSERT INTO {t.item} (id, name) SELECT x, '' FROM generate_series(1, 2000) AS g (x)");
  static const Statement lease(
      "WITH free AS MATERIALIZED (SELECT id FROM {t.item} WHERE name = '' ORDER BY id LIMIT $2 {skip_locked}) "
      "UPDATE {t.item} SET name = $1 WHERE id IN (SELECT id FROM free) RETURNING id");
  const std::unique_ptr<Database> replicas[] = {Open(), Open()};
  ASSERT_TRUE(replicas[0]
                  ->RunAndWait([](Tx& tx) -> Status {
                    SEKISHO_RETURN_IF_ERROR(tx.Execute(fill, {}));
                    return Ok();
                  })
                  .ok());
  std::multiset<int64_t> leased;
  size_t by_first = 0;
  std::mutex mutex;
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (std::vector<int64_t> mine = {0}; !mine.empty();) {
        const Status status = replicas[t % 2]->RunAndWait([&](Tx& tx) {
          mine.clear();
          return tx.Query(lease, {std::string_view("me"), int64_t{7}}, [&](const Row& row) {
            mine.push_back(row.Int(0));
            return Ok();
          });
        });
        ASSERT_TRUE(status.ok()) << status.error().ToString();
        const std::scoped_lock lock(mutex);
        leased.insert(mine.begin(), mine.end());
        if (t % 2 == 0) by_first += mine.size();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(leased.size(), 2000u);
  EXPECT_EQ(std::set<int64_t>(leased.begin(), leased.end()).size(), 2000u);
  EXPECT_GT(by_first, 0u);
  EXPECT_LT(by_first, 2000u);
}

// Each inserts a row unless the other one's is there: without the lock, both see none and insert.
TEST_F(PostgresReplicasTest, ALockKeepsOutWhatNoRowDoes) {
  static const Statement others("SELECT count(*) FROM {t.item} WHERE id / 2 = $1");
  const std::unique_ptr<Database> replicas[] = {Open(), Open()};
  constexpr int64_t kRounds = 200;
  std::barrier<> together(2);
  std::vector<std::thread> threads;
  for (int64_t t = 0; t < 2; ++t) {
    threads.emplace_back([&, t] {
      for (int64_t round = 0; round < kRounds; ++round) {
        together.arrive_and_wait();
        const Status status = replicas[t]->RunAndWait([&](Tx& tx) -> Status {
          SEKISHO_RETURN_IF_ERROR(tx.Lock("t.item:" + std::to_string(round)));
          int64_t found = 0;
          SEKISHO_RETURN_IF_ERROR(tx.Query(others, {round}, [&](const Row& row) {
            found = row.Int(0);
            return Ok();
          }));
          return found > 0 ? Ok() : Insert(tx, 2 * round + t);
        });
        ASSERT_TRUE(status.ok()) << status.error().ToString();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(Count(*replicas[0]), kRounds);
}

TEST_F(PostgresReplicasTest, MigrateOnceWhenAllStartTogether) {
  const std::vector<Migration> migrations = {{1, "CREATE TABLE {m.a} (x BIGINT);\nINSERT INTO {m.a} (x) VALUES (1)"},
                                             {2, "INSERT INTO {m.a} (x) SELECT x + 1 FROM {m.a}"},
                                             {3, "INSERT INTO {m.a} (x) SELECT x * 10 FROM {m.a}"}};
  std::vector<std::unique_ptr<Database>> replicas;
  for (int i = 0; i < 4; ++i) replicas.push_back(Open({.writers = 1}));
  std::vector<std::thread> threads;
  for (auto& replica : replicas) {
    threads.emplace_back([&] {
      const Status status = replica->Migrate("m", migrations);
      EXPECT_TRUE(status.ok()) << status.error().ToString();
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(under_test_.Sql("SELECT sum(x), (SELECT count(*) FROM m.migration) FROM m.a"), "33|3");
}

TEST_F(PostgresReplicasTest, MigrateInASchemaThatAnAdministratorMade) {
  under_test_.Sql("REVOKE CREATE ON DATABASE postgres FROM app");
  under_test_.Sql("CREATE SCHEMA t AUTHORIZATION app");
  EXPECT_TRUE(Insert(*Open(), 1).ok());
  under_test_.Sql("GRANT CREATE ON DATABASE postgres TO app");
}

TEST_F(PostgresReplicasTest, RefuseAnIllegalSchema) {
  const auto status = Open()->Migrate("a\"; DROP SCHEMA t; --", {});
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, Code::kInternal);
}

TEST_F(PostgresReplicasTest, ShareWorkBetweenWriters) {
  const auto database = Open({.writers = 3});
  std::barrier<> together(3);
  std::vector<std::future<void>> entered;
  std::atomic<int> done{0};
  for (int64_t i = 0; i < 3; ++i) {
    auto inside = std::make_shared<std::promise<void>>();
    entered.push_back(inside->get_future());
    database->Run(
        [&, i, inside](Tx& tx) {
          inside->set_value();
          together.arrive_and_wait();
          return Insert(tx, i);
        },
        [&](Status status) { done += status.ok() ? 1 : 0; });
    entered.back().wait();
  }
  database->Stop();
  EXPECT_EQ(done, 3);
}

}  // namespace
}  // namespace sekisho::store
