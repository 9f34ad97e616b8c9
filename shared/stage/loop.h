#pragma once
// One stage's loop over one topic. See stage.h for what it guarantees.

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "shared/stage/stage.h"
#include "shared/stage/tables.h"

namespace sekisho::stage {

class Loop {
 public:
  // All outlive it.
  Loop(const Options& options, const Surroundings& around, const Tables& tables, bus::Topic topic,
       Processor& processor);

  Status Start();
  void Drain();
  v1::Queue Queue() const;
  uint64_t Backlog() const { return consumer_ ? consumer_->depth() : 0; }
  bus::Topic topic() const { return topic_; }
  void WaitingAdded();  // a record was put into the waiting table by someone else

 private:
  // A record in work, from the topic (it has a position) or from the waiting table (it has none).
  struct Item {
    Kept record;
    std::optional<bus::Position> position;
    std::optional<Error> damage;       // nobody can read it
    std::optional<keys::MailKey> key;  // once the value was opened
    std::string value;                 // in clear
    std::optional<Result<Effects>> result;
  };
  struct Batch {
    std::vector<Item> items;
    std::vector<bus::Position> positions;
    // What Apply found; it starts afresh when it runs again.
    size_t done = 0, to_waiting = 0, from_waiting = 0, parked = 0, later = 0;
    std::string last_error;
  };

  void Run();
  void Dispatch(Item item);
  void Work(Item& item);
  Result<Effects> Compute(Item& item);
  // What is ready, to be given to Commit after the lock is given back: the database may refuse it, and call Committed,
  // at once. Nothing when there is none, or one is under way, or it is too early.
  std::shared_ptr<Batch> TakeBatchLocked();
  void Commit(const std::shared_ptr<Batch>& batch);
  Status Apply(store::Tx& tx, Batch& batch);
  Status ApplyItem(store::Tx& tx, Batch& batch, Item& item);
  Result<bool> EntersFirst(store::Tx& tx, const Item& item);
  Status Fail(store::Tx& tx, Batch& batch, Item& item, const Error& error);
  Status JournalParked(Outbox& outbox, const Item& item, const std::string& cause) const;
  void Committed(const std::shared_ptr<Batch>& batch, const Status& status);
  void JudgeHealthLocked(const Batch& batch);
  Duration BackOff(uint32_t attempts) const;
  void DispatchDueWaiting(size_t room);
  void RecountWaiting();

  const Options& options_;
  const Surroundings& around_;
  const Tables& tables_;
  const bus::Topic topic_;
  Processor& processor_;
  std::unique_ptr<bus::Consumer> consumer_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Item> ready_;  // computed, not committed
  size_t in_flight_ = 0;     // dispatched, not committed
  size_t waiting_ = 0;       // rows in the waiting table
  bool committing_ = false;
  bool stopping_ = false;
  bool started_ = false;
  // Steady: a clock that jumps must not stop the stage.
  using SteadyTime = std::chrono::steady_clock::time_point;
  SteadyTime commit_not_before_{};  // the database refused: not at once again
  SteadyTime next_waiting_look_{};
  SteadyTime next_recount_{};  // the loop's thread only
  // Every record of late asked to be tried later: a dependency is down.
  size_t later_in_a_row_ = 0;
  bool paused_ = false;
  Duration pause_{};
  SteadyTime probe_at_{};
  std::string pause_reason_;
  std::thread thread_;
};

}  // namespace sekisho::stage
