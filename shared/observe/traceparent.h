#pragma once
// W3C Trace Context "traceparent": 00-<trace id>-<span id>-<flags>.

#include <string>
#include <string_view>

#include "shared/base/result.h"

namespace sekisho::observe {

struct TraceParent {
  std::string trace_id;  // 32 hex digits, not all zero
  std::string span_id;   // 16 hex digits, not all zero
  bool sampled = true;

  std::string ToString() const;
  TraceParent Child() const;  // the same trace, a new span
};

TraceParent NewTrace();
// Errors: kInvalid.
Result<TraceParent> ParseTraceParent(std::string_view text);

}  // namespace sekisho::observe
