#pragma once
// Named places where a test can make the shipped binary die or fail. They cost one relaxed load when none is armed.
//
// SEKISHO_FAILPOINTS="stage.before_commit=kill@3;delivery.after_dot=error" arms them at start: `kill` sends SIGKILL to
// the own process, `error` makes Failpoint() return true, `@N` acts on the N-th pass only (default: every pass).

#include <atomic>
#include <string_view>

#include "shared/base/result.h"

namespace sekisho {

namespace failpoint_internal {
extern std::atomic<bool> armed;
bool Hit(std::string_view name);
}  // namespace failpoint_internal

// True when the caller should fail here. May not return at all.
inline bool Failpoint(std::string_view name) {
  return failpoint_internal::armed.load(std::memory_order_relaxed) && failpoint_internal::Hit(name);
}

// Arms from `specification`. Errors: kInvalid. An empty one disarms.
Status ArmFailpoints(std::string_view specification);
// Arms from the environment; a wrong specification is an error, so that a test never runs with nothing armed.
Status ArmFailpointsFromEnvironment();

}  // namespace sekisho
