#pragma once
// Event loops, one for each thread. Work given to a loop runs on its thread only.

#include <atomic>
#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

namespace boost::asio {
class io_context;
}

namespace sekisho::net {

class IoPool {
 public:
  explicit IoPool(size_t threads);
  ~IoPool();  // Stop()
  IoPool(const IoPool&) = delete;
  IoPool& operator=(const IoPool&) = delete;

  // The loops in turn. They live as long as the pool.
  boost::asio::io_context& Next();
  boost::asio::io_context& at(size_t index);
  size_t size() const { return loops_.size(); }

  // Drops what has not run, joins. Idempotent.
  void Stop();

 private:
  struct Loop;
  std::vector<std::unique_ptr<Loop>> loops_;
  std::atomic<size_t> next_{0};
};

}  // namespace sekisho::net
