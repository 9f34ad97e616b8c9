#pragma once
// How far one consumer is in one partition of a broker, from the moment the partition was assigned to it until it is
// taken away. A record comes from the broker (Arrived), is handed to the stage (Give), and is finished in any order.
// Pure.

#include <cstdint>
#include <map>
#include <optional>
#include <span>

#include "shared/base/clock.h"
#include "shared/bus/offset.h"

namespace sekisho::bus {

class Progress {
 public:
  // `start`: the first offset that the broker should give; nothing when that shows only with the first record.
  explicit Progress(std::optional<int64_t> start = std::nullopt);

  // False when the record came before: it is to be dropped.
  bool Arrived(int64_t offset);
  void Give(int64_t offset, TimePoint time);
  // A record that was not given since the partition was assigned is none of ours: its work began under an assignment
  // that is over, and says nothing about what lies before it. It is ignored.
  void Finish(std::span<const int64_t> offsets);

  // What to commit: the lowest offset that is not finished. Nothing before anything is known.
  std::optional<int64_t> Lowest() const;
  // Records from the lowest unfinished to the last that arrived: what a restart would see again, at most.
  int64_t Spread() const;
  // Records up to `end` (the offset that the next record written gets) that are not finished.
  uint64_t Depth(int64_t end) const;
  size_t in_work() const { return in_work_.size(); }
  std::optional<TimePoint> OldestInWork() const;

 private:
  std::optional<Offset> offset_;
  int64_t next_ = 0;                      // above the last that arrived
  bool arrived_ = false;                  // one did
  std::map<int64_t, TimePoint> in_work_;  // given, not finished
};

}  // namespace sekisho::bus
