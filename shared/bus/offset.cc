#include "shared/bus/offset.h"

#include <algorithm>

namespace sekisho::bus {

Result<Offset> Offset::Decode(int64_t low, std::string_view done) {
  Offset offset;
  offset.low_ = offset.highest_ = low;
  int64_t value = low;
  size_t i = 0;
  while (i < done.size()) {
    uint64_t delta = 0;
    int shift = 0;
    bool more = true;
    while (more) {
      if (i == done.size() || shift > 56) return MakeError(Code::kCorrupt, "a stored offset cannot be read");
      const auto octet = static_cast<unsigned char>(done[i++]);
      delta |= static_cast<uint64_t>(octet & 0x7f) << shift;
      shift += 7;
      more = (octet & 0x80) != 0;
    }
    value += static_cast<int64_t>(delta);
    offset.done_.insert(value);
    offset.highest_ = value;
  }
  return offset;
}

std::string Offset::EncodeDone() const {
  std::string out;
  int64_t last = low_;
  for (const int64_t value : done_) {
    auto delta = static_cast<uint64_t>(value - last);
    last = value;
    while (delta >= 0x80) {
      out += static_cast<char>(0x80 | (delta & 0x7f));
      delta >>= 7;
    }
    out += static_cast<char>(delta);
  }
  return out;
}

void Offset::Finish(std::span<const int64_t> offsets) {
  for (const int64_t offset : offsets) {
    given_.erase(offset);
    if (offset > low_) done_.insert(offset);
    highest_ = std::max(highest_, offset);
  }
  if (!given_.empty()) highest_ = std::max(highest_, *given_.rbegin());
  // Offsets nobody was given (a transaction that was undone took them) are no work: they don't hold low back.
  low_ = std::max(low_, given_.empty() ? highest_ : *given_.begin() - 1);
  done_.erase(done_.begin(), done_.upper_bound(low_));
}

}  // namespace sekisho::bus
