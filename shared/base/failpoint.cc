#include "shared/base/failpoint.h"

#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <mutex>
#include <string>

namespace sekisho {

namespace failpoint_internal {

std::atomic<bool> armed{false};

namespace {
struct Point {
  bool kill = false;
  long pass = 0;  // 0: every pass
  long passed = 0;
};
std::mutex mutex;
std::map<std::string, Point, std::less<>> points;  // NOLINT: lives as long as the process
}  // namespace

bool Hit(std::string_view name) {
  const std::scoped_lock lock(mutex);
  const auto found = points.find(name);
  if (found == points.end()) return false;
  Point& point = found->second;
  ++point.passed;
  if (point.pass != 0 && point.passed != point.pass) return false;
  if (point.kill) {
    ::kill(::getpid(), SIGKILL);
    for (;;) ::pause();
  }
  return true;
}

}  // namespace failpoint_internal

Status ArmFailpoints(std::string_view specification) {
  using failpoint_internal::Point;
  std::map<std::string, Point, std::less<>> parsed;
  while (!specification.empty()) {
    const size_t end = specification.find(';');
    std::string_view item = specification.substr(0, end);
    specification = end == std::string_view::npos ? std::string_view() : specification.substr(end + 1);
    if (item.empty()) continue;
    const size_t equals = item.find('=');
    const auto bad = [&] {
      return MakeError(Code::kInvalid, "failpoint '" + std::string(item) + "' is not name=kill|error[@N]");
    };
    if (equals == std::string_view::npos || equals == 0) return bad();
    Point point;
    std::string_view action = item.substr(equals + 1);
    if (const size_t at = action.find('@'); at != std::string_view::npos) {
      point.pass = std::atol(std::string(action.substr(at + 1)).c_str());
      if (point.pass <= 0) return bad();
      action = action.substr(0, at);
    }
    if (action == "kill")
      point.kill = true;
    else if (action != "error")
      return bad();
    parsed[std::string(item.substr(0, equals))] = point;
  }
  const std::scoped_lock lock(failpoint_internal::mutex);
  failpoint_internal::points = std::move(parsed);
  failpoint_internal::armed = !failpoint_internal::points.empty();
  return Ok();
}

Status ArmFailpointsFromEnvironment() {
  const char* specification = std::getenv("SEKISHO_FAILPOINTS");
  return ArmFailpoints(specification == nullptr ? "" : specification);
}

}  // namespace sekisho
