#include "services/intake/adapters/login_limiter.h"

namespace sekisho::intake {
namespace {

constexpr auto kWindow = std::chrono::minutes(1);
constexpr size_t kMostKeys = 100'000;

}  // namespace

bool LoginLimiter::Allowed(std::string_view key, Now now) {
  const std::scoped_lock lock(mutex_);
  const auto found = counts_.find(std::string(key));
  return found == counts_.end() || now - found->second.since >= kWindow || found->second.failures < limit_;
}

void LoginLimiter::Failed(std::string_view key, Now now) {
  const std::scoped_lock lock(mutex_);
  if (counts_.size() >= kMostKeys) {
    std::erase_if(counts_, [&](const auto& entry) { return now - entry.second.since >= kWindow; });
    if (counts_.size() >= kMostKeys) counts_.clear();
  }
  Count& count = counts_[std::string(key)];
  if (now - count.since >= kWindow) count = Count{now, 0};
  ++count.failures;
}

}  // namespace sekisho::intake
