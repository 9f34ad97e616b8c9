#pragma once
// A value that must never be printed, logged or compared by accident. Reading it takes an explicit Reveal(), which is
// easy to find in a review. std::string contents are wiped when the secret dies.

#include <string.h>

#include <string>
#include <utility>

namespace sekisho {

template <typename T>
class Secret {
 public:
  Secret() = default;
  explicit Secret(T value) : value_(std::move(value)) {}
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept : value_(std::move(other.value_)) { other.Wipe(); }
  Secret& operator=(const Secret& other) {
    if (this != &other) {
      Wipe();
      value_ = other.value_;
    }
    return *this;
  }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      Wipe();
      value_ = std::move(other.value_);
      other.Wipe();
    }
    return *this;
  }
  ~Secret() { Wipe(); }

  const T& Reveal() const { return value_; }

 private:
  void Wipe() {
    if constexpr (std::is_same_v<T, std::string>) {
      // The whole capacity: a moved-from short string keeps its characters in place.
      value_.resize(value_.capacity());
      explicit_bzero(value_.data(), value_.size());
      value_.clear();
    }
  }
  T value_{};
};

}  // namespace sekisho
