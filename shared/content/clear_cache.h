#pragma once
// The contents last committed or read, in clear, so that the next stage neither reads nor decrypts. Bounded by octets;
// the longest unused goes first. Thread safe.

#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace sekisho::content {

class ClearCache {
 public:
  struct Entry {
    std::shared_ptr<const std::string> octets;
    std::string sha256;
    std::string wrapped_key;  // who reads the entry checks that it still unwraps: its epoch may have been destroyed
  };

  explicit ClearCache(uint64_t limit) : limit_(limit) {}

  // Contents of more than a quarter of the limit are not kept: one of them would push out all the others.
  void Put(const std::string& key, Entry entry);
  // Nothing in `octets` when it isn't there.
  Entry Get(const std::string& key);
  // Forgets every key that begins with `prefix`.
  void Forget(std::string_view prefix);

 private:
  using Order = std::list<std::pair<std::string, Entry>>;  // the last used first
  void EraseLocked(Order::iterator entry);

  const uint64_t limit_;
  std::mutex mutex_;
  uint64_t octets_ = 0;
  Order order_;
  std::map<std::string, Order::iterator, std::less<>> by_key_;
};

}  // namespace sekisho::content
