#include "shared/store/postgres_connector.h"

#include <algorithm>

#include "shared/base/random.h"

namespace sekisho::store {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr Duration kFirstPause = std::chrono::milliseconds(20);
constexpr int kMaxDoublings = 8;  // 5 s

Duration PauseAfter(int failures) {
  const Duration longest = kFirstPause * (1 << std::min(failures - 1, kMaxDoublings));
  return std::chrono::duration_cast<Duration>(longest * (0.5 + 0.5 * RandomUnit()));
}

}  // namespace

Result<std::unique_ptr<PostgresConnection>> PostgresConnector::Open() {
  {
    const std::scoped_lock lock(mutex_);
    if (last_error_ && SteadyClock::now() < next_) return *last_error_;
  }
  auto opened = PostgresConnection::Open(options_);
  const std::scoped_lock lock(mutex_);
  if (opened.ok()) {
    failures_ = 0;
    last_error_.reset();
  } else {
    last_error_ = opened.error();
    next_ = SteadyClock::now() + PauseAfter(++failures_);
  }
  return opened;
}

Duration PostgresConnector::Pause() const {
  const std::scoped_lock lock(mutex_);
  if (!last_error_) return Duration::zero();
  return std::max(Duration::zero(), std::chrono::ceil<Duration>(next_ - SteadyClock::now()));
}

}  // namespace sekisho::store
