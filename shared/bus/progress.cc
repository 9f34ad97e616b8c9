#include "shared/bus/progress.h"

#include <algorithm>
#include <vector>

namespace sekisho::bus {
namespace {

Offset StartingAt(int64_t start) { return *Offset::Decode(start - 1, {}); }

}  // namespace

Progress::Progress(std::optional<int64_t> start) {
  if (!start) return;
  offset_ = StartingAt(*start);
  next_ = *start;
}

bool Progress::Arrived(int64_t offset) {
  // The first record decides. It may lie below the start: the topic was made anew, and counts from 0 again.
  if (!offset_ || (!arrived_ && offset < next_)) {
    offset_ = StartingAt(offset);
    next_ = offset;
  }
  if (offset < next_) return false;
  arrived_ = true;
  next_ = offset + 1;
  return true;
}

void Progress::Give(int64_t offset, TimePoint time) {
  offset_->Give(offset);
  in_work_.emplace(offset, time);
}

void Progress::Finish(std::span<const int64_t> offsets) {
  std::vector<int64_t> ours;
  for (const int64_t offset : offsets) {
    if (in_work_.erase(offset) == 1) ours.push_back(offset);
  }
  if (!ours.empty()) offset_->Finish(ours);
}

std::optional<int64_t> Progress::Lowest() const {
  if (!offset_) return std::nullopt;
  return offset_->low() + 1;
}

int64_t Progress::Spread() const { return offset_ ? next_ - (offset_->low() + 1) : 0; }

uint64_t Progress::Depth(int64_t end) const {
  if (!offset_) return 0;
  const int64_t behind = std::max(end, next_) - (offset_->low() + 1);
  return static_cast<uint64_t>(std::max<int64_t>(0, behind - static_cast<int64_t>(offset_->done())));
}

std::optional<TimePoint> Progress::OldestInWork() const {
  std::optional<TimePoint> oldest;
  for (const auto& [offset, time] : in_work_) oldest = std::min(oldest.value_or(time), time);
  return oldest;
}

}  // namespace sekisho::bus
