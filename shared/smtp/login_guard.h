#pragma once
// Who may try a password now, by the failed logins of the last minute. Guessing is slow for each address and for each
// login; yet a login's owner is not locked out by strangers who guess at it: where a login succeeded before, only
// failures from there count. Bounded; thread safe; forgets everything at a restart.

#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "shared/smtp/failure_rate.h"

namespace sekisho::smtp {

class LoginGuard {
 public:
  using Time = FailureRate::Time;
  // Failures of one login from everywhere, and of one address whose logins are known there, may be this many times
  // those of one address: a single stranger never locks a login.
  static constexpr size_t kWider = 5;
  static constexpr size_t kMostKnown = 20'000;
  static constexpr auto kKnownFor = std::chrono::hours(24 * 30);

  // `failures_per_minute`: of one address, and of one login where it is known.
  explicit LoginGuard(size_t failures_per_minute) : narrow_(failures_per_minute), wide_(failures_per_minute * kWider) {}

  // `address_key`: of net::AddressKey.
  bool Allows(std::string_view address_key, std::string_view login, Time now);
  void Failed(std::string_view address_key, std::string_view login, Time now);
  void Succeeded(std::string_view address_key, std::string_view login, Time now);

 private:
  bool IsKnown(const std::string& pair, Time now);

  FailureRate narrow_, wide_;
  std::mutex mutex_;
  std::map<std::string, Time, std::less<>> known_;  // login and address → its last success
};

}  // namespace sekisho::smtp
