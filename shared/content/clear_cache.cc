#include "shared/content/clear_cache.h"

namespace sekisho::content {

void ClearCache::Put(const std::string& key, Entry entry) {
  if (entry.octets->size() > limit_ / 4) return;
  const std::scoped_lock lock(mutex_);
  if (const auto found = by_key_.find(key); found != by_key_.end()) EraseLocked(found->second);
  octets_ += entry.octets->size();
  order_.emplace_front(key, std::move(entry));
  by_key_[key] = order_.begin();
  while (octets_ > limit_) EraseLocked(std::prev(order_.end()));
}

ClearCache::Entry ClearCache::Get(const std::string& key) {
  const std::scoped_lock lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return {};
  order_.splice(order_.begin(), order_, found->second);
  return found->second->second;
}

void ClearCache::Forget(std::string_view prefix) {
  const std::scoped_lock lock(mutex_);
  for (auto found = by_key_.lower_bound(prefix); found != by_key_.end() && found->first.starts_with(prefix);) {
    EraseLocked((found++)->second);
  }
}

void ClearCache::EraseLocked(Order::iterator entry) {
  octets_ -= entry->second.octets->size();
  by_key_.erase(entry->first);
  order_.erase(entry);
}

}  // namespace sekisho::content
