#pragma once
// Counts failed logins for each key (an address, a login) in the last minute. Bounded: when it holds too many keys, the oldest minute
// is forgotten. Thread safe.

#include <chrono>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace sekisho::intake {

class LoginLimiter {
 public:
  using Now = std::chrono::steady_clock::time_point;
  explicit LoginLimiter(size_t failures_per_minute) : limit_(failures_per_minute) {}

  bool Allowed(std::string_view key, Now now);
  void Failed(std::string_view key, Now now);

 private:
  struct Count {
    Now since;
    size_t failures = 0;
  };
  const size_t limit_;
  std::mutex mutex_;
  std::unordered_map<std::string, Count> counts_;
};

}  // namespace sekisho::intake
