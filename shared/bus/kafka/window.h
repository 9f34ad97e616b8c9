#pragma once
// What a consumer has in hand: records that came from the broker and wait for the stage, and how far each partition
// that is assigned to us is. Bounded: whoever fills it asks first (Wanted). Thread safe; knows nothing of the client
// library.

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "shared/bus/bus.h"
#include "shared/bus/progress.h"

namespace sekisho::bus::kafka {

class Window {
 public:
  // `spread`: records of one partition between the lowest unfinished and the newest.
  explicit Window(size_t spread) : spread_(spread) {}

  // The stage's side.
  Result<std::vector<Record>> Fetch(size_t max, Duration wait);
  void Finished(std::span<const Position> positions);
  uint64_t depth() const;
  std::optional<TimePoint> oldest() const;
  void Stop();  // wakes Fetch, which gives nothing from now on

  // The broker's side.
  void Assign(int32_t partition, std::optional<int64_t> start);
  void Arrived(Record record);
  // Whether more records of the partition are wanted. `wanted`: what the answer was last; it turns late, lest it turn
  // often.
  bool Wanted(int32_t partition, bool wanted) const;
  // Waits for room for a while. False when there is none.
  bool AwaitRoom(Duration wait);
  void NoteEnd(int32_t partition, int64_t end);  // the offset that the next record written to it will get
  std::map<int32_t, int64_t> Lowest() const;     // what to commit, of each partition
  std::set<int32_t> Partitions() const;
  // A partition is taken away: what was not given is dropped (Withdraw), what is in work is waited for (AwaitIdle),
  // what was finished is committed by the caller, and what is finished later is ignored (Forget).
  void Withdraw(const std::set<int32_t>& partitions);
  void AwaitIdle(const std::set<int32_t>& partitions, Duration wait);
  void Forget(const std::set<int32_t>& partitions);
  // Fetch gives it once, when it has no record. Nothing: all is well.
  void SetTrouble(std::optional<Error> trouble);

 private:
  struct Partition {
    Progress progress;
    int64_t end = 0;
  };

  const size_t spread_;
  mutable std::mutex mutex_;
  std::condition_variable arrived_, room_, idle_;
  std::deque<Record> waiting_;
  std::map<int32_t, Partition> partitions_;
  std::optional<Error> trouble_;
  bool stopped_ = false;
};

}  // namespace sekisho::bus::kafka
