#pragma once
// Runs groups of functions on one writing connection, each group in as few transactions as can be. Used by one thread.
// Inside this module only.

#include <atomic>
#include <memory>
#include <mutex>
#include <span>
#include <string>

#include "shared/store/postgres_connector.h"
#include "shared/store/postgres_outcome.h"
#include "shared/store/postgres_tx.h"
#include "shared/store/work_queue.h"

namespace sekisho::store {

// What the writers of a database share.
struct PostgresShared {
  explicit PostgresShared(PostgresOptions from)
      : options(std::move(from)), connector(options), queue(options.queue_limit, options.max_group) {}

  const PostgresOptions options;
  PostgresConnector connector;
  WorkQueue queue;
  // Where commits are marked: in the schema that was migrated first; null before.
  const PostgresMarks* marks() const { return marks_.load(); }
  void SetMarks(std::unique_ptr<const PostgresMarks> marks);

  std::mutex callbacks;  // hooks and `done`s are called one at a time
  std::atomic<uint64_t> commits{0}, functions{0}, failed_commits{0}, reruns{0}, unknown_commits{0};

 private:
  std::mutex marks_mutex_;
  std::unique_ptr<const PostgresMarks> marks_owner_;
  std::atomic<const PostgresMarks*> marks_{nullptr};
};

class PostgresGroup {
 public:
  explicit PostgresGroup(PostgresShared& shared);

  // Opens a connection when there is none.
  Status Connect();
  bool connected() const { return connection_ != nullptr; }

  // Sets each function's result once it is final, and calls the hooks of those that are durable. Afterwards connected()
  // may be false.
  void Run(std::span<Work> group);

 private:
  // What became of one attempt.
  enum class Attempt {
    kCommitted,
    kFailed,      // for good: the results say why, or the whole's error does
    kSavepoints,  // needs them
    kAgain,       // nothing happened, and it may succeed the next time
  };

  bool RunTogether(std::span<Work> group);
  Attempt Try(std::span<Work> group, PostgresTx::Kind kind, Status& whole);
  Status RunFunctions(PostgresTx& tx, std::span<Work> group);
  Attempt Commit(Status& whole);
  Attempt AfterLostCommit(const PostgresMarks* marks, Status& whole);
  void EndTransaction();

  PostgresShared& shared_;
  std::string writer_;  // its name in the marks
  int64_t number_ = 0;  // of its last transaction
  std::unique_ptr<PostgresConnection> connection_;
};

}  // namespace sekisho::store
