#pragma once
// What every driver of store::Database must do (conformance.cc). A driver's test instantiates it:
//   INSTANTIATE_TEST_SUITE_P(Sqlite, DatabaseConformance, ::testing::Values(+[] { … }));

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "shared/store/store.h"

namespace sekisho::store {

// One set of data that can be opened again and again, but not twice at once. Removed at the end.
class DatabaseUnderTest {
 public:
  virtual ~DatabaseUnderTest() = default;
  virtual std::unique_ptr<Database> Open(size_t queue_limit) = 0;
  // Transactions that write at the same time.
  virtual size_t writers() const { return 1; }
};

inline const Statement kInsert("INSERT INTO {t.item} (id, name) VALUES ($1, $2)");
inline const Statement kNames("SELECT name FROM {t.item} ORDER BY id");
inline const Statement kCount("SELECT count(*) FROM {t.item}");

class DatabaseConformance : public ::testing::TestWithParam<std::unique_ptr<DatabaseUnderTest> (*)()> {
 protected:
  static constexpr size_t kQueueLimit = 1000;

  void SetUp() override {
    under_test_ = GetParam()();
    Reopen();
    const Migration migrations[] = {
        {1, "CREATE TABLE {t.item} (id BIGINT PRIMARY KEY, name TEXT NOT NULL, octets {blob})"}};
    ASSERT_TRUE(database_->Migrate("t", migrations).ok());
  }
  void TearDown() override {
    database_.reset();
    under_test_.reset();
  }
  void Reopen() {
    database_.reset();
    database_ = under_test_->Open(kQueueLimit);
    ASSERT_NE(database_, nullptr);
  }

  static Status Insert(Tx& tx, int64_t id, std::string_view name) {
    SEKISHO_RETURN_IF_ERROR(tx.Execute(kInsert, {id, name}));
    return Ok();
  }
  Status Insert(int64_t id, std::string_view name) {
    return database_->RunAndWait([id, name = std::string(name)](Tx& tx) { return Insert(tx, id, name); });
  }
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    const Status status = database_->Read([&](Tx& tx) {
      return tx.Query(kNames, {}, [&](const Row& row) {
        names.emplace_back(row.Text(0));
        return Ok();
      });
    });
    EXPECT_TRUE(status.ok()) << status.error().ToString();
    return names;
  }
  int64_t Count() { return static_cast<int64_t>(Names().size()); }

  // Keeps each of the driver's writers inside a function until Release(), so that what is queued meanwhile shares the
  // next transaction.
  class Blocker {
   public:
    explicit Blocker(DatabaseConformance& test) {
      for (size_t i = 0; i < test.under_test_->writers(); ++i) done_.push_back(Block(*test.database_));
    }
    ~Blocker() { Release(); }
    void Release() {
      if (done_.empty()) return;
      release_.set_value();
      for (auto& done : done_) done.wait();
      done_.clear();
    }

   private:
    std::future<void> Block(Database& database) {
      auto inside = std::make_shared<std::promise<void>>();
      auto done = std::make_shared<std::promise<void>>();
      database.Run(
          [this, inside](Tx&) {
            inside->set_value();
            released_.wait();
            return Ok();
          },
          [done](Status) { done->set_value(); });
      inside->get_future().wait();
      return done->get_future();
    }

    std::promise<void> release_;
    const std::shared_future<void> released_{release_.get_future()};
    std::vector<std::future<void>> done_;
  };

  // Runs `fn` and keeps its result.
  std::future<Status> Queue(Database::TxFn fn) {
    auto promise = std::make_shared<std::promise<Status>>();
    auto future = promise->get_future();
    database_->Run(std::move(fn), [promise](Status status) { promise->set_value(std::move(status)); });
    return future;
  }

  std::unique_ptr<DatabaseUnderTest> under_test_;
  std::unique_ptr<Database> database_;
};

}  // namespace sekisho::store
