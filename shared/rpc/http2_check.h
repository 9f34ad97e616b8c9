#pragma once
// Watches what a client of HTTP/2 (RFC 9113) says for floods that cost the server more than the client: streams that
// are cancelled as soon as they are opened (CVE-2023-44487), headers that never end (CVE-2024-27316), and frames that
// carry nothing. It reads frame headers only. Pure; for one connection.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "shared/base/result.h"

namespace sekisho::rpc {

class Http2Check {
 public:
  using Time = std::chrono::steady_clock::time_point;
  // At once, and then each second.
  static constexpr double kResets = 200, kResetsPerSecond = 33;
  static constexpr double kIdleFrames = 1000, kIdleFramesPerSecond = 100;
  static constexpr uint32_t kHeaderOctets = 64 << 10;  // of a call, compressed

  // Looks at the next octets, in whatever pieces they come. Errors: kMalformed (not HTTP/2), kLimit (a flood); the
  // connection is then to be closed, and the octets are not to be passed on.
  Status Check(std::string_view octets, Time now);

 private:
  // What has been spent and not yet been earned again.
  struct Bucket {
    double level = 0;
    Time at{};
    bool Overflows(Time now, double most, double per_second);
  };
  Status OnFrame(Time now);

  std::string pending_;  // of the preface, then of a frame's header
  bool prefaced_ = false;
  uint32_t to_skip_ = 0;        // of the frame's payload
  uint32_t header_octets_ = 0;  // of the header under way
  Bucket resets_, idle_;
};

}  // namespace sekisho::rpc
