#pragma once
// Event loops, one for each thread. What belongs to a loop (a stream, its session) is touched on that loop's thread
// only, and so needs no lock.

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "shared/base/clock.h"

namespace boost::asio {
class io_context;
}

namespace sekisho::net {

class Loop {
 public:
  explicit Loop(size_t index);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Runs `task` on the loop's thread, after what it is doing now. Any thread. Once the pool has stopped, it is dropped
  // unrun.
  void Post(std::function<void()> task);
  // The same once `after` has passed.
  void PostAfter(Duration after, std::function<void()> task);
  bool IsCurrent() const;  // whether the caller is on the loop's thread
  size_t index() const { return index_; }
  boost::asio::io_context& context();

 private:
  friend class IoPool;
  struct Impl;
  const size_t index_;
  std::unique_ptr<Impl> impl_;
};

class IoPool {
 public:
  explicit IoPool(size_t threads);
  ~IoPool();  // Stop()
  IoPool(const IoPool&) = delete;
  IoPool& operator=(const IoPool&) = delete;

  // The loops in turn. They live as long as the pool.
  Loop& Next();
  Loop& at(size_t index) { return *loops_[index]; }
  size_t size() const { return loops_.size(); }

  // Ends the threads; what has not run is dropped when the pool dies. Idempotent; not to be called from one of its
  // threads.
  void Stop();

 private:
  std::vector<std::unique_ptr<Loop>> loops_;
  std::atomic<size_t> next_{0};
};

}  // namespace sekisho::net
