#include "shared/rpc/http2_check.h"

#include <algorithm>

namespace sekisho::rpc {
namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr size_t kHeaderSize = 9;
enum Type : uint8_t { kData = 0, kHeaders = 1, kReset = 3, kWindowUpdate = 8, kContinuation = 9 };
constexpr uint8_t kEndStream = 1;

uint8_t Octet(std::string_view text, size_t at) { return static_cast<uint8_t>(text[at]); }

}  // namespace

bool Http2Check::Bucket::Overflows(Time now, double most, double per_second) {
  level = std::max(0.0, level - std::chrono::duration<double>(now - at).count() * per_second) + 1;
  at = now;
  return level > most;
}

Status Http2Check::OnFrame(Time now) {
  to_skip_ = uint32_t{Octet(pending_, 0)} << 16 | uint32_t{Octet(pending_, 1)} << 8 | Octet(pending_, 2);
  const uint8_t type = Octet(pending_, 3), flags = Octet(pending_, 4);
  pending_.clear();
  if (type == kReset) {
    if (resets_.Overflows(now, kResets, kResetsPerSecond)) return MakeError(Code::kLimit, "too many cancelled calls");
    return Ok();
  }
  if (type == kHeaders || type == kContinuation) {
    header_octets_ = std::min(to_skip_ + (type == kHeaders ? 0 : header_octets_), kHeaderOctets + 1);
    if (header_octets_ > kHeaderOctets) return MakeError(Code::kLimit, "a header without end");
  }
  // Calls are bounded by the streams that may be open; window updates by what we send.
  const bool carries = type == kData && (to_skip_ > 0 || (flags & kEndStream) != 0);
  if (carries || type == kHeaders || type == kWindowUpdate) return Ok();
  if (idle_.Overflows(now, kIdleFrames, kIdleFramesPerSecond)) {
    return MakeError(Code::kLimit, "too many frames that carry nothing");
  }
  return Ok();
}

Status Http2Check::Check(std::string_view octets, Time now) {
  while (!octets.empty()) {
    if (to_skip_ > 0) {
      const size_t skipped = std::min<size_t>(to_skip_, octets.size());
      to_skip_ -= static_cast<uint32_t>(skipped);
      octets.remove_prefix(skipped);
      continue;
    }
    const size_t wanted = prefaced_ ? kHeaderSize : kPreface.size();
    const size_t taken = std::min(wanted - pending_.size(), octets.size());
    pending_ += octets.substr(0, taken);
    octets.remove_prefix(taken);
    if (!prefaced_ && !kPreface.starts_with(pending_)) return MakeError(Code::kMalformed, "this is not HTTP/2");
    if (pending_.size() < wanted) break;
    if (prefaced_) {
      SEKISHO_RETURN_IF_ERROR(OnFrame(now));
    } else {
      prefaced_ = true;
      pending_.clear();
    }
  }
  return Ok();
}

}  // namespace sekisho::rpc
