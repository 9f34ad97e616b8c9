#pragma once
// Lets call-backs in while their object lives, and keeps out those that come late: an object with calls under way
// closes its gate before it dies, and whoever holds the gate finds it closed. Thread safe.

#include <condition_variable>
#include <memory>
#include <mutex>

namespace sekisho::delivery {

class Gate {
 public:
  // Inside while it lives, unless it is false: then the object is gone, or about to be.
  class Pass {
   public:
    explicit Pass(Gate& gate) : gate_(gate), inside_(gate.Enter()) {}
    ~Pass() {
      if (inside_) gate_.Leave();
    }
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;
    explicit operator bool() const { return inside_; }

   private:
    Gate& gate_;
    const bool inside_;
  };

  // Waits until everyone left; nobody enters any more. Not from inside. Idempotent.
  void Close() {
    std::unique_lock lock(mutex_);
    closed_ = true;
    empty_.wait(lock, [&] { return inside_ == 0; });
  }

 private:
  bool Enter() {
    const std::scoped_lock lock(mutex_);
    if (!closed_) ++inside_;
    return !closed_;
  }
  void Leave() {
    const std::scoped_lock lock(mutex_);
    if (--inside_ == 0) empty_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable empty_;
  size_t inside_ = 0;
  bool closed_ = false;
};

// `fn` behind the gate: a call that comes too late does nothing.
template <typename Fn>
auto Behind(std::shared_ptr<Gate> gate, Fn fn) {
  return [gate = std::move(gate), fn = std::move(fn)](auto&&... args) mutable {
    const Gate::Pass pass(*gate);
    if (pass) fn(std::forward<decltype(args)>(args)...);
  };
}

}  // namespace sekisho::delivery
