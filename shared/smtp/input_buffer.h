#pragma once
// The octets that came and nobody took yet. Read into its space directly; views of it hold until the next Space() or
// Clear().

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

#include "shared/base/result.h"

namespace sekisho::smtp {

class InputBuffer {
 public:
  static constexpr size_t kSmallest = 16 * 1024;
  static constexpr size_t kLargest = 64 * 1024;

  // Room for octets to come. It grows, between the two sizes, for who fills it.
  std::span<char> Space() {
    if (begin_ == end_) begin_ = end_ = 0;
    if (begin_ > 0 && capacity_ - end_ < kSmallest / 4) {
      std::memmove(octets_.get(), octets_.get() + begin_, end_ - begin_);
      end_ -= std::exchange(begin_, 0);
    }
    if (capacity_ - end_ < kSmallest / 4 || (filled_ && capacity_ < kLargest)) {
      Resize(std::max(kSmallest, std::min(2 * capacity_, std::max(kLargest, 2 * (end_ - begin_)))));
    }
    return {octets_.get() + end_, capacity_ - end_};
  }
  // `size` octets came into the space.
  void Add(size_t size) {
    SEKISHO_CHECK(size <= capacity_ - end_);
    filled_ = size == capacity_ - end_;
    end_ += size;
  }
  std::string_view rest() const { return {octets_.get() + begin_, end_ - begin_}; }
  void Take(size_t size) { begin_ += size; }
  void Clear() { begin_ = end_ = 0; }
  // Gives back what a large mail needed.
  void Shrink() {
    if (begin_ == end_ && capacity_ > kSmallest) {
      octets_.reset();
      capacity_ = begin_ = end_ = 0;
      filled_ = false;
    }
  }

 private:
  void Resize(size_t capacity) {
    auto larger = std::make_unique_for_overwrite<char[]>(capacity);
    if (end_ > begin_) std::memcpy(larger.get(), octets_.get() + begin_, end_ - begin_);
    end_ -= std::exchange(begin_, 0);
    octets_ = std::move(larger);
    capacity_ = capacity;
  }

  std::unique_ptr<char[]> octets_;
  size_t capacity_ = 0, begin_ = 0, end_ = 0;
  bool filled_ = false;  // the last octets filled all the space there was
};

}  // namespace sekisho::smtp
