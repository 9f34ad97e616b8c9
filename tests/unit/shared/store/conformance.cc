#include "tests/unit/shared/store/conformance.h"

namespace sekisho::store {

TEST_P(DatabaseConformance, KeepsWhatWasCommitted) {
  ASSERT_TRUE(Insert(1, "one").ok());
  EXPECT_EQ(Names(), std::vector<std::string>{"one"});
  Reopen();
  EXPECT_EQ(Names(), std::vector<std::string>{"one"});
}

TEST_P(DatabaseConformance, UndoesAllOfAFunctionThatFails) {
  const Status status = database_->RunAndWait([](Tx& tx) -> Status {
    SEKISHO_RETURN_IF_ERROR(Insert(tx, 1, "one"));
    SEKISHO_RETURN_IF_ERROR(Insert(tx, 2, "two"));
    return MakeError(Code::kPrecondition, "changed my mind");
  });
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, Code::kPrecondition);
  EXPECT_EQ(status.error().detail, "changed my mind");
  EXPECT_EQ(Count(), 0);
}

TEST_P(DatabaseConformance, AFailureHarmsNobodyElseOfItsGroup) {
  std::vector<std::future<Status>> results;
  const uint64_t commits = database_->stats().commits;
  {
    Blocker blocker(*this);
    for (int64_t i = 0; i < 10; ++i) {
      results.push_back(Queue([i](Tx& tx) -> Status {
        SEKISHO_RETURN_IF_ERROR(Insert(tx, i, std::to_string(i)));
        if (i % 3 == 1) return MakeError(Code::kInvalid, "refused");
        return Ok();
      }));
    }
    EXPECT_EQ(database_->stats().queued, 10u);
  }
  for (size_t i = 0; i < results.size(); ++i) EXPECT_EQ(results[i].get().ok(), i % 3 != 1) << i;
  EXPECT_EQ(Names(), (std::vector<std::string>{"0", "2", "3", "5", "6", "8", "9"}));
  EXPECT_EQ(database_->stats().commits, commits + under_test_->writers() + 1) << "the blockers', and one for all ten";
}

TEST_P(DatabaseConformance, AWrongStatementIsADefectAndHarmsNobodyElse) {
  static const Statement wrong("INSERT INTO {t.nothing} (id) VALUES ($1)");
  std::future<Status> bad, good;
  {
    Blocker blocker(*this);
    bad = Queue([](Tx& tx) -> Status {
      SEKISHO_RETURN_IF_ERROR(tx.Execute(wrong, {int64_t{1}}));
      return Ok();
    });
    good = Queue([](Tx& tx) { return Insert(tx, 1, "one"); });
  }
  const Status status = bad.get();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, Code::kInternal);
  EXPECT_TRUE(good.get().ok());
  EXPECT_EQ(Count(), 1);
}

TEST_P(DatabaseConformance, RunsFunctionsInTheOrderTheyWereQueued) {
  std::vector<int> order;
  std::vector<std::future<Status>> results;
  {
    Blocker blocker(*this);
    for (int i = 0; i < 100; ++i) {
      results.push_back(Queue([i, &order](Tx&) {
        order.push_back(i);
        return Ok();
      }));
    }
  }
  for (auto& result : results) ASSERT_TRUE(result.get().ok());
  ASSERT_EQ(order.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
}

TEST_P(DatabaseConformance, FunctionsOfAGroupSeeTheEarlierOnes) {
  int64_t seen = -1;
  std::future<Status> first, second;
  {
    Blocker blocker(*this);
    first = Queue([](Tx& tx) { return Insert(tx, 1, "one"); });
    second = Queue([&](Tx& tx) {
      return tx.Query(kCount, {}, [&](const Row& row) {
        seen = row.Int(0);
        return Ok();
      });
    });
  }
  ASSERT_TRUE(first.get().ok());
  ASSERT_TRUE(second.get().ok());
  EXPECT_EQ(seen, 1);
}

TEST_P(DatabaseConformance, CallsHooksOfCommittedFunctionsOnlyAndBeforeDone) {
  std::vector<std::string> called;
  const auto call = [&](std::string name) { return [&called, name] { called.push_back(name); }; };
  std::future<Status> good, bad;
  {
    Blocker blocker(*this);
    good = Queue([&](Tx& tx) -> Status {
      tx.OnCommitted(call("good"));
      const Status undone = tx.Savepoint([&]() -> Status {
        tx.OnCommitted(call("undone savepoint"));
        return MakeError(Code::kInvalid, "undo");
      });
      if (undone.ok()) return MakeError(Code::kInternal, "the savepoint said ok");
      return tx.Savepoint([&]() -> Status {
        tx.OnCommitted(call("kept savepoint"));
        return Ok();
      });
    });
    bad = Queue([&](Tx& tx) -> Status {
      tx.OnCommitted(call("bad"));
      return MakeError(Code::kInvalid, "no");
    });
    EXPECT_TRUE(called.empty());
  }
  ASSERT_TRUE(good.get().ok());
  ASSERT_FALSE(bad.get().ok());
  EXPECT_EQ(called, (std::vector<std::string>{"good", "kept savepoint"}));
  // A function that is alone in its transaction, too.
  ASSERT_FALSE(database_
                   ->RunAndWait([&](Tx& tx) -> Status {
                     tx.OnCommitted(call("alone"));
                     return MakeError(Code::kInvalid, "no");
                   })
                   .ok());
  EXPECT_EQ(called.size(), 2u);
}

TEST_P(DatabaseConformance, SavepointsNest) {
  ASSERT_TRUE(database_
                  ->RunAndWait([](Tx& tx) -> Status {
                    SEKISHO_RETURN_IF_ERROR(Insert(tx, 1, "one"));
                    const Status outer = tx.Savepoint([&]() -> Status {
                      SEKISHO_RETURN_IF_ERROR(Insert(tx, 2, "two"));
                      const Status inner = tx.Savepoint([&]() -> Status {
                        SEKISHO_RETURN_IF_ERROR(Insert(tx, 3, "three"));
                        return MakeError(Code::kInvalid, "undo three");
                      });
                      if (inner.ok()) return MakeError(Code::kInternal, "inner said ok");
                      return Insert(tx, 4, "four");
                    });
                    return outer;
                  })
                  .ok());
  EXPECT_EQ(Names(), (std::vector<std::string>{"one", "two", "four"}));
}

TEST_P(DatabaseConformance, ReadersSeeOnlyWhatIsCommitted) {
  std::promise<void> inserted, seen;
  auto result = Queue([&](Tx& tx) -> Status {
    SEKISHO_RETURN_IF_ERROR(Insert(tx, 1, "one"));
    inserted.set_value();
    seen.get_future().wait();
    return Ok();
  });
  inserted.get_future().wait();
  EXPECT_EQ(Count(), 0);
  seen.set_value();
  ASSERT_TRUE(result.get().ok());
  EXPECT_EQ(Count(), 1);
}

TEST_P(DatabaseConformance, AReadIsOneSnapshot) {
  ASSERT_TRUE(Insert(1, "one").ok());
  const auto count = [](Tx& tx) {
    int64_t value = -1;
    const Status status = tx.Query(kCount, {}, [&](const Row& row) {
      value = row.Int(0);
      return Ok();
    });
    EXPECT_TRUE(status.ok());
    return value;
  };
  ASSERT_TRUE(database_
                  ->Read([&](Tx& tx) -> Status {
                    EXPECT_EQ(count(tx), 1);
                    EXPECT_TRUE(Insert(2, "two").ok());
                    EXPECT_EQ(count(tx), 1) << "the snapshot moved";
                    return Ok();
                  })
                  .ok());
  EXPECT_EQ(Count(), 2);
}

TEST_P(DatabaseConformance, ExecuteFailsInsideARead) {
  const Status status = database_->Read([](Tx& tx) { return Insert(tx, 1, "one"); });
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, Code::kInternal);
  EXPECT_EQ(Count(), 0);
}

TEST_P(DatabaseConformance, AReadPassesTheFunctionsErrorOn) {
  const Status status = database_->Read([](Tx&) -> Status { return MakeError(Code::kNotFound, "nothing"); });
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, Code::kNotFound);
  EXPECT_EQ(Count(), 0) << "the connection can be used again";
}

TEST_P(DatabaseConformance, ASecondRowOfOneKeyExists) {
  ASSERT_TRUE(Insert(1, "one").ok());
  const Status status = Insert(1, "another");
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, Code::kExists);
  EXPECT_EQ(Names(), std::vector<std::string>{"one"});
}

TEST_P(DatabaseConformance, GivesValuesBackAsTheyWere) {
  static const Statement create(
      "CREATE TABLE {t.value} (id BIGINT PRIMARY KEY, number BIGINT, words TEXT, octets {blob})");
  static const Statement insert("INSERT INTO {t.value} (octets, words, number, id) VALUES ($4, $3, $2, $1)");
  static const Statement select("SELECT number, words, octets FROM {t.value} WHERE id = $1 AND $1 = id");
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  const std::string large(3'000'000, '\xff');
  struct Case {
    int64_t id, number;
    std::string words, octets;
  };
  const std::vector<Case> cases = {
      {1, INT64_MIN, "関所 🏯", all}, {2, INT64_MAX, "it's $1 {not.a} table", large}, {3, 0, "", ""}};
  ASSERT_TRUE(database_
                  ->RunAndWait([&](Tx& tx) -> Status {
                    SEKISHO_RETURN_IF_ERROR(tx.Execute(create, {}));
                    for (const Case& c : cases) {
                      SEKISHO_RETURN_IF_ERROR(tx.Execute(
                          insert, {c.id, c.number, std::string_view(c.words), Octets{std::string_view(c.octets)}}));
                    }
                    SEKISHO_RETURN_IF_ERROR(tx.Execute(insert, {int64_t{4}, nullptr, nullptr, nullptr}));
                    SEKISHO_RETURN_IF_ERROR(
                        tx.Execute(insert, {int64_t{5}, int64_t{0}, std::string_view(), Octets{std::string_view()}}));
                    return Ok();
                  })
                  .ok());
  const auto find = [&](int64_t id, FunctionRef<void(const Row&)> check) {
    int rows = 0;
    const Status status = database_->Read([&](Tx& tx) {
      return tx.Query(select, {id}, [&](const Row& row) {
        ++rows;
        check(row);
        return Ok();
      });
    });
    EXPECT_TRUE(status.ok());
    EXPECT_EQ(rows, 1);
  };
  for (const Case& c : cases) {
    find(c.id, [&](const Row& row) {
      EXPECT_EQ(row.Int(0), c.number);
      EXPECT_EQ(row.Text(1), c.words);
      EXPECT_TRUE(row.Blob(2) == c.octets);
    });
  }
  find(4, [](const Row& row) { EXPECT_TRUE(row.IsNull(0) && row.IsNull(1) && row.IsNull(2)); });
  find(5, [](const Row& row) { EXPECT_FALSE(row.IsNull(0) || row.IsNull(1) || row.IsNull(2)) << "empty is not NULL"; });
}

TEST_P(DatabaseConformance, CountsTheRowsItChanged) {
  static const Statement rename("UPDATE {t.item} SET name = $1 WHERE id >= $2");
  static const Statement ignore("INSERT INTO {t.item} (id, name) VALUES ($1, $2) ON CONFLICT DO NOTHING");
  for (int64_t i = 0; i < 5; ++i) ASSERT_TRUE(Insert(i, "x").ok());
  ASSERT_TRUE(database_
                  ->RunAndWait([](Tx& tx) -> Status {
                    SEKISHO_TRY(const int64_t renamed, tx.Execute(rename, {std::string_view("y"), int64_t{2}}));
                    EXPECT_EQ(renamed, 3);
                    SEKISHO_TRY(const int64_t none, tx.Execute(ignore, {int64_t{1}, std::string_view("z")}));
                    EXPECT_EQ(none, 0);
                    SEKISHO_TRY(const int64_t one, tx.Execute(ignore, {int64_t{9}, std::string_view("z")}));
                    EXPECT_EQ(one, 1);
                    return Ok();
                  })
                  .ok());
}

TEST_P(DatabaseConformance, ReturningGivesRows) {
  static const Statement take("DELETE FROM {t.item} WHERE id < $1 RETURNING name");
  for (int64_t i = 0; i < 3; ++i) ASSERT_TRUE(Insert(i, std::to_string(i)).ok());
  size_t taken = 0;
  ASSERT_TRUE(database_
                  ->RunAndWait([&](Tx& tx) {
                    return tx.Query(take, {int64_t{2}}, [&](const Row&) {
                      ++taken;
                      return Ok();
                    });
                  })
                  .ok());
  EXPECT_EQ(taken, 2u);
  EXPECT_EQ(Names(), std::vector<std::string>{"2"});
}

TEST_P(DatabaseConformance, AQueryStopsAtTheFirstErrorOfItsCallback) {
  for (int64_t i = 0; i < 5; ++i) ASSERT_TRUE(Insert(i, "x").ok());
  int calls = 0;
  const Status status = database_->Read([&](Tx& tx) {
    return tx.Query(kNames, {}, [&](const Row&) -> Status {
      if (++calls == 2) return MakeError(Code::kMalformed, "enough");
      return Ok();
    });
  });
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, Code::kMalformed);
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(Count(), 5) << "the statement can be used again";
}

TEST_P(DatabaseConformance, AWrongNumberOfParametersIsADefect) {
  const Status status = database_->RunAndWait([](Tx& tx) -> Status {
    SEKISHO_RETURN_IF_ERROR(tx.Execute(kInsert, {int64_t{1}}));
    return Ok();
  });
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, Code::kInternal);
}

TEST_P(DatabaseConformance, RefusesAtOnceWhatIsOverTheQueuesLimit) {
  std::atomic<size_t> finished{0};
  {
    Blocker blocker(*this);
    for (size_t i = 0; i < kQueueLimit; ++i) {
      database_->Run([](Tx&) { return Ok(); }, [&](Status status) { finished += status.ok() ? 1 : 0; });
    }
    Status refused;
    bool called = false;
    database_->Run([](Tx&) { return Ok(); },
                   [&](Status status) {
                     called = true;
                     refused = std::move(status);
                   });
    ASSERT_TRUE(called) << "refused on the caller's thread";
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, Code::kExhausted);
    EXPECT_EQ(refused.error().retry, Retry::kLater);
  }
  database_->Stop();
  EXPECT_EQ(finished, kQueueLimit);
}

TEST_P(DatabaseConformance, StopFinishesWhatIsQueuedAndRefusesMore) {
  std::vector<std::future<Status>> results;
  auto blocker = std::make_unique<Blocker>(*this);
  for (int64_t i = 0; i < 100; ++i) results.push_back(Queue([i](Tx& tx) { return Insert(tx, i, "x"); }));
  std::thread stopper([&] { database_->Stop(); });
  blocker.reset();
  stopper.join();
  for (auto& result : results) EXPECT_TRUE(result.get().ok());
  const Status refused = Insert(1000, "late");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::kCancelled);
  EXPECT_FALSE(database_->Read([](Tx&) { return Ok(); }).ok());
  database_->Stop();
  Reopen();
  EXPECT_EQ(Count(), 100);
}

TEST_P(DatabaseConformance, MigratesInOrderAndOnce) {
  const std::vector<Migration> first = {{1, "CREATE TABLE {m.a} (x BIGINT);\nINSERT INTO {m.a} (x) VALUES (1)"},
                                        {2, "INSERT INTO {m.a} (x) SELECT x + 1 FROM {m.a}"}};
  std::vector<Migration> second = first;
  second.push_back({3, "INSERT INTO {m.a} (x) SELECT x * 10 FROM {m.a}"});
  ASSERT_TRUE(database_->Migrate("m", first).ok());
  ASSERT_TRUE(database_->Migrate("m", first).ok());
  Reopen();
  ASSERT_TRUE(database_->Migrate("m", second).ok());
  static const Statement sum("SELECT sum(x) FROM {m.a}");
  int64_t total = 0;
  ASSERT_TRUE(database_
                  ->Read([&](Tx& tx) {
                    return tx.Query(sum, {}, [&](const Row& row) {
                      total = row.Int(0);
                      return Ok();
                    });
                  })
                  .ok());
  EXPECT_EQ(total, 33);
  const Status newer = database_->Migrate("m", first);
  ASSERT_FALSE(newer.ok());
  EXPECT_EQ(newer.error().code, Code::kPrecondition);
}

TEST_P(DatabaseConformance, AnEarlierProgramRunsOnASchemaThatWasOnlyExpanded) {
  const std::vector<Migration> earlier = {{1, "CREATE TABLE {m.a} (x BIGINT)"}};
  std::vector<Migration> expanded = earlier, contracted;
  expanded.push_back({.version = 2, .sql = "ALTER TABLE {m.a} ADD COLUMN y BIGINT", .works_from = 1});
  contracted = expanded;
  contracted.push_back({.version = 3, .sql = "ALTER TABLE {m.a} DROP COLUMN x", .works_from = 2});

  ASSERT_TRUE(database_->Migrate("m", expanded).ok());
  EXPECT_TRUE(database_->Migrate("m", earlier).ok());
  ASSERT_TRUE(database_->Migrate("m", expanded).ok());  // the earlier one has changed nothing
  EXPECT_FALSE(database_->Migrate("m", {}).ok());       // works_from says whom it is for

  ASSERT_TRUE(database_->Migrate("m", contracted).ok());
  Reopen();
  EXPECT_TRUE(database_->Migrate("m", expanded).ok());
  const Status refused = database_->Migrate("m", earlier);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::kPrecondition);
}

TEST_P(DatabaseConformance, OneMigrationAboveThatBreaksIsEnoughToRefuse) {
  std::vector<Migration> migrations = {{1, "CREATE TABLE {m.a} (x BIGINT)"}};
  const std::vector<Migration> earlier = migrations;
  migrations.push_back({2, "CREATE TABLE {m.b} (x BIGINT)"});  // says nothing, so it breaks
  migrations.push_back({.version = 3, .sql = "CREATE TABLE {m.c} (x BIGINT)", .works_from = 1});
  ASSERT_TRUE(database_->Migrate("m", migrations).ok());
  const Status refused = database_->Migrate("m", earlier);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::kPrecondition);
}

TEST_P(DatabaseConformance, ADatabaseWhoseMigrationsSayNothingOfEarlierProgramsIsTakenUp) {
  const std::vector<Migration> first = {{1, "CREATE TABLE {m.a} (x BIGINT)"}};
  // As the table was before migrations said it.
  const std::vector<Migration> old_form = {{1,
                                            "CREATE TABLE {m.old_migration} (version BIGINT PRIMARY KEY);\nINSERT INTO "
                                            "{m.old_migration} (version) VALUES (1)"}};
  ASSERT_TRUE(database_->Migrate("m", old_form).ok());
  std::vector<Migration> second = first;
  second.push_back({.version = 2, .sql = "CREATE TABLE {m.c} (x BIGINT)", .works_from = 1});
  ASSERT_TRUE(database_->Migrate("m/old", second).ok());
  EXPECT_TRUE(database_->Migrate("m/old", first).ok());
  EXPECT_FALSE(database_->Migrate("m/old", {}).ok());
}

TEST_P(DatabaseConformance, ALockIsForTransactionsThatWrite) {
  EXPECT_TRUE(database_
                  ->RunAndWait([](Tx& tx) -> Status {
                    SEKISHO_RETURN_IF_ERROR(tx.Lock(std::string("t.item:\0\xff", 9)));
                    SEKISHO_RETURN_IF_ERROR(tx.Lock(std::string("t.item:\0\xff", 9)));
                    return Insert(tx, 1, "one");
                  })
                  .ok());
  const Status reading = database_->Read([](Tx& tx) { return tx.Lock("t.item:1"); });
  ASSERT_FALSE(reading.ok());
  EXPECT_EQ(reading.error().code, Code::kInternal);
}

TEST_P(DatabaseConformance, ASelectMayKeepItsRows) {
  static const Statement keep("SELECT name FROM {t.item} WHERE id = $1 {for_update}");
  ASSERT_TRUE(Insert(1, "one").ok());
  std::string name;
  ASSERT_TRUE(database_
                  ->RunAndWait([&](Tx& tx) {
                    return tx.Query(keep, {int64_t{1}}, [&](const Row& row) {
                      name = row.Text(0);
                      return Ok();
                    });
                  })
                  .ok());
  EXPECT_EQ(name, "one");
}

TEST_P(DatabaseConformance, PartsOfASchemaAreNumberedApartAndSeeItsTables) {
  const std::vector<Migration> whole = {{1, "CREATE TABLE {m.a} (x BIGINT)"}, {2, "CREATE TABLE {m.b} (x BIGINT)"}};
  const std::vector<Migration> part = {{1, "CREATE TABLE {m.inbox} (x BIGINT);\nINSERT INTO {m.inbox} (x) VALUES (7)"}};
  // Whichever comes first makes the schema.
  ASSERT_TRUE(database_->Migrate("m/stage", part).ok());
  ASSERT_TRUE(database_->Migrate("m", whole).ok());
  ASSERT_TRUE(database_->Migrate("m/stage", part).ok());
  ASSERT_TRUE(database_->Migrate("m/other", {}).ok());
  static const Statement versions(
      "SELECT (SELECT max(version) FROM {m.migration}), (SELECT max(version) FROM {m.stage_migration}), "
      "(SELECT count(*) FROM {m.other_migration}), (SELECT sum(x) FROM {m.inbox})");
  std::vector<int64_t> found;
  const Status status = database_->Read([&](Tx& tx) {
    return tx.Query(versions, {}, [&](const Row& row) {
      found = {row.Int(0), row.Int(1), row.Int(2), row.Int(3)};
      return Ok();
    });
  });
  ASSERT_TRUE(status.ok()) << status.error().ToString();
  EXPECT_EQ(found, (std::vector<int64_t>{2, 1, 0, 7}));
  const Status newer = database_->Migrate("m/stage", {});
  ASSERT_FALSE(newer.ok());
  EXPECT_EQ(newer.error().code, Code::kPrecondition);
  for (const std::string_view wrong : {"", "/", "m/", "/stage", "m/stage/more", "m.stage", "M"}) {
    const Status refused = database_->Migrate(wrong, {});
    ASSERT_FALSE(refused.ok()) << wrong;
    EXPECT_EQ(refused.error().code, Code::kInternal) << wrong;
  }
}

TEST_P(DatabaseConformance, AMigrationThatFailsLeavesNothing) {
  const std::vector<Migration> wrong = {{1, "CREATE TABLE {m.a} (x BIGINT);\nINSERT INTO {m.b} (x) VALUES (1)"}};
  const std::vector<Migration> right = {{1, "CREATE TABLE {m.a} (x BIGINT)"}};
  EXPECT_FALSE(database_->Migrate("m", wrong).ok());
  EXPECT_TRUE(database_->Migrate("m", right).ok());
}

TEST_P(DatabaseConformance, ServesManyThreads) {
  constexpr int kThreads = 8, kEach = 200;
  std::atomic<int> ok{0}, hooks{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        const int64_t id = t * kEach + i;
        const Status status = database_->RunAndWait([&, id](Tx& tx) -> Status {
          tx.OnCommitted([&] { ++hooks; });
          SEKISHO_RETURN_IF_ERROR(Insert(tx, id, "x"));
          if (id % 10 == 0) return MakeError(Code::kInvalid, "every tenth");
          return Ok();
        });
        if (status.ok()) ++ok;
        if (i % 50 == 0) {
          EXPECT_GE(Count(), 0);
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(ok, kThreads * kEach * 9 / 10);
  EXPECT_EQ(hooks, ok);
  EXPECT_EQ(Count(), ok);
}

}  // namespace sekisho::store
