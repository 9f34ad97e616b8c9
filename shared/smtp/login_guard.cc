#include "shared/smtp/login_guard.h"

#include <algorithm>

#include "shared/base/bytes.h"

namespace sekisho::smtp {
namespace {

constexpr size_t kLongestLogin = 254;  // of an address; what is longer is nobody's, and need not be kept whole

struct Keys {
  Keys(std::string_view address_key, std::string_view login_given)
      : address("address " + std::string(address_key)),
        login("login " + AsciiLower(login_given.substr(0, kLongestLogin))),
        pair(address + " " + login) {}
  std::string address, login, pair;
};

}  // namespace

bool LoginGuard::IsKnown(const std::string& pair, Time now) {
  const std::scoped_lock lock(mutex_);
  const auto found = known_.find(pair);
  return found != known_.end() && now - found->second < kKnownFor;
}

bool LoginGuard::Allows(std::string_view address_key, std::string_view login, Time now) {
  const Keys keys(address_key, login);
  if (IsKnown(keys.pair, now)) return !narrow_.Exceeded(keys.pair, now) && !wide_.Exceeded(keys.address, now);
  return !narrow_.Exceeded(keys.address, now) && !wide_.Exceeded(keys.login, now);
}

void LoginGuard::Failed(std::string_view address_key, std::string_view login, Time now) {
  const Keys keys(address_key, login);
  narrow_.Count(keys.address, now);
  narrow_.Count(keys.pair, now);
  wide_.Count(keys.address, now);
  wide_.Count(keys.login, now);
}

void LoginGuard::Succeeded(std::string_view address_key, std::string_view login, Time now) {
  const Keys keys(address_key, login);
  const std::scoped_lock lock(mutex_);
  if (known_.size() >= kMostKnown && !known_.contains(keys.pair)) {
    known_.erase(std::min_element(known_.begin(), known_.end(),
                                  [](const auto& a, const auto& b) { return a.second < b.second; }));
  }
  known_[keys.pair] = now;
}

}  // namespace sekisho::smtp
