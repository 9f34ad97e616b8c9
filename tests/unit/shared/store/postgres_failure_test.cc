// What networks, servers and other processes do to a transaction.

#include <barrier>

#include "tests/unit/shared/store/postgres_fixture.h"
#include "tests/unit/shared/store/postgres_proxy.h"

namespace sekisho::store {
namespace {

const Statement kRename("UPDATE {t.item} SET name = name || $2 WHERE id = $1");

using PostgresFailureTest = PostgresTest;

Status Rename(Tx& tx, int64_t id, std::string_view suffix) {
  SEKISHO_RETURN_IF_ERROR(tx.Execute(kRename, {id, suffix}));
  return Ok();
}

// The one that gives way may take its first row again before the other wakes: then it has to give way once more.
TEST_F(PostgresFailureTest, OfTwoProcessesInADeadlockOneRunsAgain) {
  const auto one = Open(), two = Open();
  ASSERT_TRUE(Insert(*one, 1).ok() && Insert(*one, 2).ok());
  std::barrier both(2);
  std::atomic<int> runs{0};
  const auto in_order = [&](Database& database, int64_t first, int64_t second) {
    return database.RunAndWait([&, first, second, run = 0](Tx& tx) mutable -> Status {
      ++runs;
      SEKISHO_RETURN_IF_ERROR(Rename(tx, first, "a"));
      if (++run == 1) both.arrive_and_wait();
      return Rename(tx, second, "b");
    });
  };
  Status other;
  std::thread thread([&] { other = in_order(*two, 2, 1); });
  const Status status = in_order(*one, 1, 2);
  thread.join();
  EXPECT_TRUE(status.ok());
  EXPECT_TRUE(other.ok());
  const uint64_t reruns = one->stats().reruns + two->stats().reruns;
  EXPECT_GE(reruns, 1u);
  EXPECT_EQ(runs, 2 + static_cast<int>(reruns));
  EXPECT_EQ(under_test_.Sql("SELECT string_agg(length(name)::text, ',') FROM t.item"), "3,3");
}

TEST_F(PostgresFailureTest, SerializableTransactionsBehaveAsOneAfterTheOther) {
  const auto one = Open({.isolation = PostgresIsolation::kSerializable});
  const auto two = Open({.isolation = PostgresIsolation::kSerializable});
  ASSERT_TRUE(Insert(*one, 1).ok() && Insert(*one, 2).ok());
  static const Statement remove("DELETE FROM {t.item} WHERE id = $1");
  std::barrier both(2);
  // Each may take its row only while another remains: read committed would let both go.
  const auto take = [&](Database& database, int64_t id) {
    return database.RunAndWait([&, id, run = 0](Tx& tx) mutable -> Status {
      SEKISHO_TRY(const int64_t count, Number(tx, kCount));
      if (++run == 1) both.arrive_and_wait();
      if (count < 2) return MakeError(Code::kPrecondition, "the last one stays");
      SEKISHO_RETURN_IF_ERROR(tx.Execute(remove, {id}));
      return Ok();
    });
  };
  Status other;
  std::thread thread([&] { other = take(*two, 2); });
  const Status status = take(*one, 1);
  thread.join();
  ASSERT_NE(status.ok(), other.ok());
  EXPECT_EQ((status.ok() ? other : status).error().code, Code::kPrecondition);
  EXPECT_EQ(Count(*one), 1);
  EXPECT_EQ(one->stats().reruns + two->stats().reruns, 1u);
}

TEST_F(PostgresFailureTest, ALockThatIsNeverGivenEndsOnlyTheFunctionThatWantsIt) {
  const auto holder = Open();
  const auto database = Open({.writers = 1, .lock_limit = std::chrono::milliseconds(20)});
  ASSERT_TRUE(Insert(*holder, 1).ok());
  std::promise<void> held, release, blocked, unblock, finished;
  Status wanting, other;
  int runs = 0;
  holder->Run(
      [&](Tx& tx) -> Status {
        SEKISHO_RETURN_IF_ERROR(Rename(tx, 1, "held"));
        held.set_value();
        release.get_future().wait();
        return Ok();
      },
      [](Status) {});
  held.get_future().wait();
  database->Run(
      [&](Tx&) {
        blocked.set_value();
        unblock.get_future().wait();
        return Ok();
      },
      [](Status) {});
  blocked.get_future().wait();
  database->Run(
      [&](Tx& tx) {
        ++runs;
        return Rename(tx, 1, "x");
      },
      [&](Status status) { wanting = std::move(status); });
  database->Run([&](Tx& tx) { return Insert(tx, 2); },
                [&](Status status) {
                  other = std::move(status);
                  finished.set_value();
                });
  unblock.set_value();
  finished.get_future().wait();
  ASSERT_FALSE(wanting.ok());
  EXPECT_EQ(wanting.error().code, Code::kUnavailable);
  EXPECT_EQ(wanting.error().retry, Retry::kLater);
  EXPECT_TRUE(other.ok()) << "it shared the first transactions, and went alone then";
  EXPECT_EQ(runs, 8) << "bounded: twice with the other, six times alone";
  release.set_value();
}

TEST_F(PostgresFailureTest, AConnectionThatIsEndedInTheMiddleRunsTheFunctionAgain) {
  const auto database = Open();
  int runs = 0;
  const Status status = database->RunAndWait([&](Tx& tx) -> Status {
    SEKISHO_RETURN_IF_ERROR(Insert(tx, 1));
    if (++runs == 1) SEKISHO_RETURN_IF_ERROR(KillOwnBackend(tx));
    return Insert(tx, 2);
  });
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(Count(*database), 2);
}

TEST_F(PostgresFailureTest, AFunctionWhoseConnectionAlwaysEndsIsGivenUp) {
  const auto database = Open();
  int runs = 0;
  const Status status = database->RunAndWait([&](Tx& tx) -> Status {
    ++runs;
    SEKISHO_RETURN_IF_ERROR(KillOwnBackend(tx));
    return Insert(tx, 1);
  });
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, Code::kUnavailable);
  EXPECT_EQ(status.error().retry, Retry::kLater);
  EXPECT_EQ(runs, 6);
  EXPECT_EQ(Count(*database), 0);
  EXPECT_TRUE(Insert(*database, 1).ok());
}

TEST_F(PostgresFailureTest, ConnectionsThatEndWhileIdleAreNotNoticedByAnybody) {
  const auto database = Open();
  ASSERT_TRUE(Insert(*database, 1).ok());
  EXPECT_EQ(Count(*database), 1);
  under_test_.Sql("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE usename = 'app'");
  EXPECT_TRUE(Insert(*database, 2).ok());
  EXPECT_EQ(Count(*database), 2);
}

TEST_F(PostgresFailureTest, AReadWhoseConnectionEndsIsUnavailableAndTheNextOneIsNot) {
  const auto database = Open();
  const Status status = database->Read([&](Tx& tx) -> Status {
    SEKISHO_RETURN_IF_ERROR(KillOwnBackend(tx));
    SEKISHO_RETURN_IF_ERROR(Number(tx, kCount));
    return Ok();
  });
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, Code::kUnavailable);
  EXPECT_EQ(Count(*database), 0);
}

// The driver reaches the server through a proxy that cuts.
class PostgresCommitTest : public PostgresTest {
 protected:
  std::unique_ptr<Database> OpenThroughProxy(Duration statement_limit = std::chrono::seconds(30)) {
    return Open({.conninfo = under_test_.conninfo(proxy_.folder()),
                 .writers = 1,
                 .statement_limit = statement_limit,
                 .outcome_limit = outcome_limit_});
  }
  Status CountedInsert(Database& database, int64_t id) {
    return database.RunAndWait([this, id](Tx& tx) -> Status {
      ++runs_;
      tx.OnCommitted([this] { ++hooks_; });
      return Insert(tx, id);
    });
  }

  PostgresProxy proxy_{SharedPostgres().folder()};
  Duration outcome_limit_ = std::chrono::seconds(30);
  int runs_ = 0, hooks_ = 0;
};

TEST_F(PostgresCommitTest, ThatHappenedThoughItsAnswerWasLostIsASuccess) {
  const auto database = OpenThroughProxy();
  proxy_.CutNext(PostgresProxy::Cut::kAnswer);
  EXPECT_TRUE(CountedInsert(*database, 1).ok());
  EXPECT_EQ(runs_, 1);
  EXPECT_EQ(hooks_, 1);
  EXPECT_EQ(Count(*database), 1);
  EXPECT_EQ(database->stats().failed_commits, 1u);
}

TEST_F(PostgresCommitTest, ThatNeverArrivedIsRolledBackAndRunsAgain) {
  const auto database = OpenThroughProxy();
  proxy_.CutNext(PostgresProxy::Cut::kCommit);
  EXPECT_TRUE(CountedInsert(*database, 1).ok());
  EXPECT_EQ(runs_, 2) << "the backend that held the row was ended";
  EXPECT_EQ(hooks_, 1);
  EXPECT_EQ(Count(*database), 1);
  EXPECT_EQ(database->stats().reruns, 1u);
}

TEST_F(PostgresCommitTest, OfNothingIsRunAgainWithoutAsking) {
  const auto database = OpenThroughProxy();
  proxy_.CutNext(PostgresProxy::Cut::kAnswer);
  int runs = 0;
  EXPECT_TRUE(database
                  ->RunAndWait([&](Tx& tx) -> Status {
                    ++runs;
                    SEKISHO_RETURN_IF_ERROR(Number(tx, kCount));
                    return Ok();
                  })
                  .ok());
  EXPECT_EQ(runs, 2);
}

TEST_F(PostgresCommitTest, WhoseOutcomeCannotBeLearnedIsUnavailableAndSaysSo) {
  outcome_limit_ = std::chrono::milliseconds(50);
  const auto database = OpenThroughProxy();
  proxy_.CutNext(PostgresProxy::Cut::kAnswer);
  proxy_.Refuse(true);
  const Status status = CountedInsert(*database, 1);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, Code::kUnavailable);
  EXPECT_EQ(status.error().retry, Retry::kLater);
  EXPECT_NE(status.error().detail.find("can't be known"), std::string::npos);
  EXPECT_EQ(hooks_, 0);
  EXPECT_EQ(database->stats().unknown_commits, 1u);
  EXPECT_EQ(under_test_.Sql("SELECT count(*) FROM t.item"), "1");
}

TEST_F(PostgresCommitTest, OfAMuteServerIsWaitedForOnlySoLong) {
  const auto database = OpenThroughProxy(std::chrono::milliseconds(250));
  const Status status = database->RunAndWait([&](Tx& tx) -> Status {
    proxy_.Mute(++runs_ == 1);
    Status inserted = Insert(tx, 1);
    proxy_.Mute(false);
    return inserted;
  });
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(runs_, 2);
  EXPECT_EQ(Count(*database), 1);
}

// Waiting for a standby that never comes, a backend is inside its COMMIT for as long as a test needs.
TEST(PostgresSynchronousCommitTest, ThatAnAdministratorEndsInTheMiddleIsToldTruthfully) {
  testing::PostgresServer server({"synchronous_standby_names=nobody", "synchronous_commit=local"});
  const PostgresTestDatabase under_test(server);
  auto local = OpenPostgres({.conninfo = under_test.conninfo()});
  ASSERT_TRUE(local.ok());
  const Migration migrations[] = {{1, "CREATE TABLE {t.item} (id BIGINT PRIMARY KEY, name TEXT NOT NULL)"}};
  ASSERT_TRUE((*local)->Migrate("t", migrations).ok());
  auto opened = OpenPostgres(
      {.conninfo = Secret<std::string>(under_test.conninfo().Reveal() + " options='-c synchronous_commit=on'")});
  ASSERT_TRUE(opened.ok());
  ASSERT_TRUE((*opened)->Migrate("t", migrations).ok());
  std::promise<Status> result;
  int runs = 0;
  (*opened)->Run(
      [&](Tx& tx) -> Status {
        ++runs;
        SEKISHO_RETURN_IF_ERROR(tx.Execute(kInsert, {int64_t{1}, std::string_view("x")}));
        return Ok();
      },
      [&](Status status) { result.set_value(std::move(status)); });
  const std::string ended =
      "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
  while (server.Sql(ended) != "t") {
  }
  EXPECT_TRUE(result.get_future().get().ok());
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(server.Sql("SELECT count(*) FROM t.item"), "1");
}

TEST_F(PostgresFailureTest, WhileTheServerIsAwayEverythingIsUnavailableAtOnceAndLaterItGoesOn) {
  const auto database = Open();
  ASSERT_TRUE(Insert(*database, 1).ok());
  SharedPostgres().Stop(testing::PostgresServer::Shutdown::kFast);
  for (int i = 0; i < 20; ++i) {
    const Status status = Insert(*database, 2);
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().code, Code::kUnavailable);
    EXPECT_EQ(status.error().retry, Retry::kLater);
    const Status read = database->Read([](Tx&) { return Ok(); });
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(read.error().code, Code::kUnavailable);
  }
  SharedPostgres().Start();
  while (!Insert(*database, 2).ok()) std::this_thread::yield();
  while (!database->Read([](Tx&) { return Ok(); }).ok()) std::this_thread::yield();
  EXPECT_EQ(Count(*database), 2);
}

TEST_F(PostgresFailureTest, WhatWasSaidToBeDoneIsThereAfterCrashesAndWhatWasNotIsNot) {
  const auto database = Open();
  constexpr int64_t kThreads = 4;
  std::atomic<bool> stop{false};
  std::atomic<int64_t> done{0}, lost{0};
  std::vector<std::thread> threads;
  for (int64_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int64_t i = t; !stop; i += kThreads) {
        const Status status = Insert(*database, i);
        ++(status.ok() ? done : lost);
        if (!status.ok()) std::this_thread::yield();
      }
    });
  }
  for (int64_t crash = 0; crash < 5; ++crash) {
    const int64_t before = done;
    while (done < before + 100) std::this_thread::yield();
    SharedPostgres().Stop(testing::PostgresServer::Shutdown::kImmediate);
    SharedPostgres().Start();
  }
  const int64_t before = done;
  while (done < before + 100) std::this_thread::yield();
  stop = true;
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(database->stats().unknown_commits, 0u);
  EXPECT_EQ(Count(*database), done);
  EXPECT_GT(lost, 0);
}

}  // namespace
}  // namespace sekisho::store
