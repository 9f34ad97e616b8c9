#include "shared/smtp/failure_rate.h"

#include <algorithm>

namespace sekisho::smtp {

double FailureRate::LevelAt(const Bucket& bucket, Time now) const {
  const double minutes = std::chrono::duration<double, std::ratio<60>>(now - bucket.at).count();
  return std::max(0.0, bucket.level - minutes * static_cast<double>(limit_));
}

void FailureRate::Count(std::string_view key, Time now) {
  const std::scoped_lock lock(mutex_);
  auto found = buckets_.find(key);
  if (found == buckets_.end()) {
    MakeRoom(now);
    found = buckets_.emplace(std::string(key), Bucket{0, now}).first;
  }
  found->second = {LevelAt(found->second, now) + 1, now};
}

bool FailureRate::Exceeded(std::string_view key, Time now) {
  const std::scoped_lock lock(mutex_);
  const auto found = buckets_.find(key);
  return found != buckets_.end() && LevelAt(found->second, now) > static_cast<double>(limit_) - 1;
}

// Who is empty goes; where nobody is, the least full: an attacker with many addresses cannot push out the worst of
// them.
void FailureRate::MakeRoom(Time now) {
  if (buckets_.size() < kMostKeys) return;
  std::erase_if(buckets_, [&](const auto& entry) { return LevelAt(entry.second, now) <= 0; });
  if (buckets_.size() < kMostKeys) return;
  buckets_.erase(std::min_element(buckets_.begin(), buckets_.end(), [&](const auto& a, const auto& b) {
    return LevelAt(a.second, now) < LevelAt(b.second, now);
  }));
}

}  // namespace sekisho::smtp
