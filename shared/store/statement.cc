#include <atomic>
#include <condition_variable>
#include <mutex>

#include "shared/store/store.h"

namespace sekisho::store {
namespace {

uint32_t NextId() {
  static std::atomic<uint32_t> next{0};
  return next++;
}

}  // namespace

Statement::Statement(std::string sql) : sql_(std::move(sql)), id_(NextId()) {}

Status Database::RunAndWait(TxFn fn) {
  std::mutex mutex;
  std::condition_variable ready;
  bool done = false;
  Status result;
  Run(std::move(fn), [&](Status status) {
    const std::scoped_lock lock(mutex);
    result = std::move(status);
    done = true;
    ready.notify_one();
  });
  std::unique_lock lock(mutex);
  ready.wait(lock, [&] { return done; });
  return result;
}

}  // namespace sekisho::store
