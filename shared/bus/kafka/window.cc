#include "shared/bus/kafka/window.h"

#include <algorithm>
#include <utility>

namespace sekisho::bus::kafka {
namespace {

constexpr size_t kMostWaiting = 512;

}  // namespace

Result<std::vector<Record>> Window::Fetch(size_t max, Duration wait) {
  std::unique_lock lock(mutex_);
  arrived_.wait_for(lock, wait, [&] { return stopped_ || trouble_ || !waiting_.empty(); });
  std::vector<Record> records;
  if (stopped_) return records;
  if (waiting_.empty() && trouble_) return *std::exchange(trouble_, std::nullopt);
  while (!waiting_.empty() && records.size() < max) {
    Record& record = waiting_.front();
    partitions_.at(record.position.partition).progress.Give(record.position.offset, record.message.header.time);
    records.push_back(std::move(record));
    waiting_.pop_front();
  }
  room_.notify_all();
  return records;
}

void Window::Finished(std::span<const Position> positions) {
  std::map<int32_t, std::vector<int64_t>> offsets;
  for (const Position& position : positions) offsets[position.partition].push_back(position.offset);
  const std::scoped_lock lock(mutex_);
  for (const auto& [partition, finished] : offsets) {
    const auto found = partitions_.find(partition);
    if (found != partitions_.end()) found->second.progress.Finish(finished);
  }
  idle_.notify_all();
}

uint64_t Window::depth() const {
  const std::scoped_lock lock(mutex_);
  uint64_t depth = 0;
  for (const auto& [number, partition] : partitions_) depth += partition.progress.Depth(partition.end);
  return depth;
}

std::optional<TimePoint> Window::oldest() const {
  const std::scoped_lock lock(mutex_);
  std::optional<TimePoint> oldest;
  const auto consider = [&](std::optional<TimePoint> time) {
    if (time) oldest = std::min(oldest.value_or(*time), *time);
  };
  for (const auto& [number, partition] : partitions_) consider(partition.progress.OldestInWork());
  for (const Record& record : waiting_) consider(record.message.header.time);
  return oldest;
}

void Window::Stop() {
  const std::scoped_lock lock(mutex_);
  stopped_ = true;
  arrived_.notify_all();
  room_.notify_all();
  idle_.notify_all();
}

void Window::Assign(int32_t partition, std::optional<int64_t> start) {
  const std::scoped_lock lock(mutex_);
  partitions_.insert_or_assign(partition, Partition{Progress(start), 0});
}

void Window::Arrived(Record record) {
  const std::scoped_lock lock(mutex_);
  const auto found = partitions_.find(record.position.partition);
  if (stopped_ || found == partitions_.end() || !found->second.progress.Arrived(record.position.offset)) return;
  waiting_.push_back(std::move(record));
  arrived_.notify_all();
}

bool Window::Wanted(int32_t partition, bool wanted) const {
  const std::scoped_lock lock(mutex_);
  const auto found = partitions_.find(partition);
  if (stopped_ || found == partitions_.end()) return false;
  // Where it begins shows with its first record; before that its depth is not known.
  if (!found->second.progress.Lowest()) return true;
  const size_t most_waiting = wanted ? kMostWaiting : kMostWaiting / 2, spread = wanted ? spread_ : spread_ / 2;
  return waiting_.size() < most_waiting && found->second.progress.Spread() < static_cast<int64_t>(spread);
}

bool Window::AwaitRoom(Duration wait) {
  std::unique_lock lock(mutex_);
  return room_.wait_for(lock, wait, [&] { return stopped_ || waiting_.size() < kMostWaiting; });
}

void Window::NoteEnd(int32_t partition, int64_t end) {
  const std::scoped_lock lock(mutex_);
  const auto found = partitions_.find(partition);
  if (found != partitions_.end()) found->second.end = std::max(found->second.end, end);
}

std::map<int32_t, int64_t> Window::Lowest() const {
  const std::scoped_lock lock(mutex_);
  std::map<int32_t, int64_t> lowest;
  for (const auto& [number, partition] : partitions_) {
    if (const auto offset = partition.progress.Lowest()) lowest[number] = *offset;
  }
  return lowest;
}

std::set<int32_t> Window::Partitions() const {
  const std::scoped_lock lock(mutex_);
  std::set<int32_t> numbers;
  for (const auto& [number, partition] : partitions_) numbers.insert(number);
  return numbers;
}

void Window::Withdraw(const std::set<int32_t>& partitions) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(waiting_, [&](const Record& record) { return partitions.contains(record.position.partition); });
  room_.notify_all();
}

void Window::AwaitIdle(const std::set<int32_t>& partitions, Duration wait) {
  std::unique_lock lock(mutex_);
  idle_.wait_for(lock, wait, [&] {
    return stopped_ || std::all_of(partitions.begin(), partitions.end(), [&](int32_t number) {
             const auto found = partitions_.find(number);
             return found == partitions_.end() || found->second.progress.in_work() == 0;
           });
  });
}

void Window::Forget(const std::set<int32_t>& partitions) {
  const std::scoped_lock lock(mutex_);
  for (const int32_t number : partitions) partitions_.erase(number);
}

void Window::SetTrouble(std::optional<Error> trouble) {
  const std::scoped_lock lock(mutex_);
  trouble_ = std::move(trouble);
  if (trouble_) arrived_.notify_all();
}

}  // namespace sekisho::bus::kafka
