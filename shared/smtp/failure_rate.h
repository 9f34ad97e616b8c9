#pragma once
// How often something failed within the last minute, for each of many keys (addresses, logins). Bounded; thread safe.

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace sekisho::smtp {

class FailureRate {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr size_t kMostKeys = 20'000;

  explicit FailureRate(size_t per_minute) : limit_(per_minute) {}

  void Count(std::string_view key, Time now);
  // Whether `key` has failed as often as it may: the next attempt is not to be made.
  bool Exceeded(std::string_view key, Time now);

 private:
  // A bucket that each failure fills by one and a minute empties.
  struct Bucket {
    double level = 0;
    Time at;
  };
  double LevelAt(const Bucket& bucket, Time now) const;
  void MakeRoom(Time now);

  const size_t limit_;
  std::mutex mutex_;
  std::map<std::string, Bucket, std::less<>> buckets_;
};

}  // namespace sekisho::smtp
