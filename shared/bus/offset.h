#pragma once
// Where one consumer group is in one partition: everything up to `low` is finished, and some above it. Pure.

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "shared/base/result.h"

namespace sekisho::bus {

class Offset {
 public:
  // The state as it was stored. Errors: kCorrupt.
  static Result<Offset> Decode(int64_t low, std::string_view done);

  int64_t low() const { return low_; }
  std::string EncodeDone() const;  // what lies above low, as deltas: a few octets for a window of hundreds

  bool IsDone(int64_t offset) const { return offset <= low_ || done_.contains(offset); }
  void Give(int64_t offset) { given_.insert(offset); }
  size_t given() const { return given_.size(); }
  size_t done() const { return done_.size(); }  // finished, above low
  // Finishes `offsets`; low moves to just below the lowest that is given and unfinished, or to the highest ever given.
  void Finish(std::span<const int64_t> offsets);

 private:
  int64_t low_ = 0;
  int64_t highest_ = 0;      // finished or given
  std::set<int64_t> given_;  // in work
  std::set<int64_t> done_;   // finished, above low_
};

}  // namespace sekisho::bus
