#include "shared/net/io_pool.h"

#include <pthread.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <string>
#include <thread>

namespace sekisho::net {

struct Loop::Impl {
  boost::asio::io_context context{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> busy{context.get_executor()};
  std::thread thread;
};

Loop::Loop(size_t index) : index_(index), impl_(std::make_unique<Impl>()) {
  impl_->thread = std::thread([this] {
    pthread_setname_np(pthread_self(), ("io-" + std::to_string(index_)).c_str());
    impl_->context.run();
  });
}

Loop::~Loop() = default;

void Loop::Post(std::function<void()> task) { boost::asio::post(impl_->context, std::move(task)); }
bool Loop::IsCurrent() const { return impl_->context.get_executor().running_in_this_thread(); }
boost::asio::io_context& Loop::context() { return impl_->context; }

IoPool::IoPool(size_t threads) {
  for (size_t i = 0; i < threads; ++i) loops_.push_back(std::make_unique<Loop>(i));
}

IoPool::~IoPool() { Stop(); }

Loop& IoPool::Next() { return *loops_[next_++ % loops_.size()]; }

void IoPool::Stop() {
  for (const auto& loop : loops_) {
    loop->impl_->busy.reset();
    loop->impl_->context.stop();
  }
  for (const auto& loop : loops_) {
    if (loop->impl_->thread.joinable()) loop->impl_->thread.join();
  }
}

}  // namespace sekisho::net
