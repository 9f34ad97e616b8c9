#include "shared/store/work_queue.h"

#include <algorithm>
#include <utility>

namespace sekisho::store {

void WorkQueue::Push(Database::TxFn fn, Database::DoneFn done) {
  Status refused;
  {
    const std::scoped_lock lock(mutex_);
    if (stopping_) {
      refused = MakeError(Code::kCancelled, "the database is stopping");
    } else if (!away_.ok()) {
      refused = away_;
    } else if (queue_.size() >= limit_) {
      refused = MakeError(Code::kExhausted, "the database's queue is full");
    } else {
      queue_.push_back({std::move(fn), std::move(done), {}});
      work_.notify_one();
      return;
    }
  }
  done(std::move(refused));
}

bool WorkQueue::Take(std::vector<Work>& group) {
  std::unique_lock lock(mutex_);
  work_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
  const size_t count = std::min(queue_.size(), max_group_);
  for (size_t i = 0; i < count; ++i) {
    group.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return count != 0;
}

void WorkQueue::Join() {
  const std::scoped_lock lock(mutex_);
  ++writers_;
  away_ = Ok();
}

std::deque<Work> WorkQueue::Leave(const Error& why) {
  const std::scoped_lock lock(mutex_);
  if (--writers_ != 0) return {};
  away_ = why;
  return std::exchange(queue_, {});
}

bool WorkQueue::Pause(Duration pause) {
  std::unique_lock lock(mutex_);
  return !stopped_.wait_for(lock, pause, [&] { return stopping_; });
}

void WorkQueue::Stop() {
  const std::scoped_lock lock(mutex_);
  stopping_ = true;
  work_.notify_all();
  stopped_.notify_all();
}

size_t WorkQueue::size() const {
  const std::scoped_lock lock(mutex_);
  return queue_.size();
}

}  // namespace sekisho::store
