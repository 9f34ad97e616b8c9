#include "shared/net/io_pool.h"

#include <pthread.h>

#include <algorithm>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <thread>

namespace sekisho::net {

namespace asio = boost::asio;

struct Loop::Impl {
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> busy{context.get_executor()};
  std::thread thread;
};

Loop::Loop(size_t index) : index_(index), impl_(std::make_unique<Impl>()) {}
Loop::~Loop() = default;

void Loop::Post(std::function<void()> task) { asio::post(impl_->context, std::move(task)); }

void Loop::PostAfter(Duration after, std::function<void()> task) {
  auto timer = std::make_shared<asio::steady_timer>(impl_->context, after);
  timer->async_wait([timer, task = std::move(task)](const boost::system::error_code& error) {
    if (!error) task();
  });
}

bool Loop::IsCurrent() const { return impl_->thread.get_id() == std::this_thread::get_id(); }
asio::io_context& Loop::context() { return impl_->context; }

IoPool::IoPool(size_t threads) {
  for (size_t i = 0; i < std::max<size_t>(threads, 1); ++i) loops_.push_back(std::make_unique<Loop>(i));
  for (const auto& loop : loops_) {
    loop->impl_->thread = std::thread([impl = loop->impl_.get()] {
      pthread_setname_np(pthread_self(), "io");
      impl->context.run();
    });
  }
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
