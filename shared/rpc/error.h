#pragma once
// From our errors to a gRPC status with google.rpc details, and back for callers of other services.

#include <grpcpp/support/status.h>

#include <string_view>
#include <utility>
#include <vector>

#include "shared/base/result.h"

namespace sekisho::rpc {

inline constexpr std::string_view kErrorDomain = "sekisho";

// The status of `error`: its detail as message; ErrorInfo with `reason`, or the code's own ("QUEUE_FULL" beats
// "EXHAUSTED"); RetryInfo when it may succeed later. kInternal and kCorrupt say no more than that: their detail is for
// our log.
grpc::Status ToStatus(const Error& error, std::string_view reason = {});

// INVALID_ARGUMENT with BadRequest violations: field name, what is wrong and what to write.
grpc::Status BadRequest(const std::vector<std::pair<std::string, std::string>>& violations);

// The same error on the caller's side.
Error FromStatus(const grpc::Status& status);

std::string_view ReasonOf(Code code);
grpc::StatusCode StatusCodeOf(Code code);

}  // namespace sekisho::rpc
