#include "shared/base/periodic.h"

#include <pthread.h>

#include <utility>

namespace sekisho {

Periodic::~Periodic() { Stop(); }

void Periodic::Start(const std::string& name, Duration pause, std::function<Next()> work) {
  SEKISHO_CHECK(!thread_.joinable() && !stopping_);
  thread_ = std::thread([this, name, pause, work = std::move(work)] {
    pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
    Loop(pause, work);
  });
}

void Periodic::Stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Periodic::Loop(Duration pause, const std::function<Next()>& work) {
  std::unique_lock lock(mutex_);
  Duration wait = pause;
  while (!stop_.wait_for(lock, wait, [this] { return stopping_; })) {
    lock.unlock();
    wait = work() == Next::kAtOnce ? Duration::zero() : pause;
    lock.lock();
  }
}

}  // namespace sekisho
