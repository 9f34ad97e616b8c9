#pragma once
// A fixed number of threads for CPU work, in front of a bounded queue: whoever offers more than it holds is told so, or
// waits, and memory does not grow.

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace sekisho {

class WorkerPool {
 public:
  using Task = std::function<void()>;

  WorkerPool(std::string name, size_t threads, size_t queue_limit);
  ~WorkerPool();  // Stop()

  // Queues `task`; false when the queue is full or the pool is stopping. Never blocks.
  [[nodiscard]] bool TryPost(Task task);
  // Queues `task`, waiting for room; false when the pool is stopping. Not to be called from one of its own threads.
  [[nodiscard]] bool Post(Task task);
  // Finishes what is queued, then joins. Idempotent.
  void Stop();

 private:
  void Loop();

  const std::string name_;
  const size_t limit_;
  std::mutex mutex_;
  std::condition_variable work_, room_;
  std::deque<Task> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace sekisho
