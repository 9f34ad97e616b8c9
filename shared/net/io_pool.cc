#include "shared/net/io_pool.h"

#include <pthread.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

namespace sekisho::net {

struct IoPool::Loop {
  boost::asio::io_context context{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> busy{context.get_executor()};
  std::thread thread;
};

IoPool::IoPool(size_t threads) {
  for (size_t i = 0; i < threads; ++i) {
    loops_.push_back(std::make_unique<Loop>());
    loops_.back()->thread = std::thread([loop = loops_.back().get()] {
      pthread_setname_np(pthread_self(), "io");
      loop->context.run();
    });
  }
}

IoPool::~IoPool() { Stop(); }

boost::asio::io_context& IoPool::Next() { return loops_[next_++ % loops_.size()]->context; }
boost::asio::io_context& IoPool::at(size_t index) { return loops_[index]->context; }

void IoPool::Stop() {
  for (const auto& loop : loops_) {
    loop->busy.reset();
    loop->context.stop();
  }
  for (const auto& loop : loops_) {
    if (loop->thread.joinable()) loop->thread.join();
  }
}

}  // namespace sekisho::net
