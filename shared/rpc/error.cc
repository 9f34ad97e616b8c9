#include "shared/rpc/error.h"

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "shared/observe/log.h"

namespace sekisho::rpc {
namespace {

struct Row {
  Code code;
  grpc::StatusCode status;
  std::string_view reason;
};

// The one table; a test walks every code.
constexpr Row kTable[] = {
    {Code::kInvalid, grpc::StatusCode::INVALID_ARGUMENT, "INVALID"},
    {Code::kMalformed, grpc::StatusCode::INVALID_ARGUMENT, "MALFORMED"},
    {Code::kUnauthenticated, grpc::StatusCode::UNAUTHENTICATED, "UNAUTHENTICATED"},
    {Code::kPermission, grpc::StatusCode::PERMISSION_DENIED, "NOT_ALLOWED"},
    {Code::kNotFound, grpc::StatusCode::NOT_FOUND, "NOT_FOUND"},
    {Code::kExists, grpc::StatusCode::ALREADY_EXISTS, "EXISTS"},
    {Code::kPrecondition, grpc::StatusCode::FAILED_PRECONDITION, "WRONG_STATE"},
    // RESOURCE_EXHAUSTED covers both a limit that never moves and room that comes back: RetryInfo tells them apart.
    {Code::kLimit, grpc::StatusCode::RESOURCE_EXHAUSTED, "LIMIT"},
    {Code::kExhausted, grpc::StatusCode::RESOURCE_EXHAUSTED, "EXHAUSTED"},
    {Code::kUnavailable, grpc::StatusCode::UNAVAILABLE, "UNAVAILABLE"},
    {Code::kTimeout, grpc::StatusCode::DEADLINE_EXCEEDED, "TIMEOUT"},
    {Code::kCancelled, grpc::StatusCode::UNAVAILABLE, "STOPPING"},
    {Code::kCorrupt, grpc::StatusCode::DATA_LOSS, "CORRUPT"},
    {Code::kUnsupported, grpc::StatusCode::UNIMPLEMENTED, "UNSUPPORTED"},
    {Code::kInternal, grpc::StatusCode::INTERNAL, "INTERNAL"},
};

const Row& RowOf(Code code) {
  for (const Row& row : kTable) {
    if (row.code == code) return row;
  }
  return kTable[kCodeCount - 1];
}

}  // namespace

std::string_view ReasonOf(Code code) { return RowOf(code).reason; }
grpc::StatusCode StatusCodeOf(Code code) { return RowOf(code).status; }

grpc::Status ToStatus(const Error& error, std::string_view reason) {
  const Row& row = RowOf(error.code);
  std::string message = error.detail;
  if (error.code == Code::kInternal || error.code == Code::kCorrupt)
    observe::Log(observe::Level::kError, "rpc.failed", {{"error", error}});
  if (error.code == Code::kInternal) message = "a failure on our side; the operator's log has it";
  if (error.code == Code::kCorrupt) message = "stored data fails its check; the operator's log has it";
  google::rpc::Status details;
  details.set_code(row.status);
  details.set_message(message);
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(reason.empty() ? row.reason : reason));
  info.set_domain(std::string(kErrorDomain));
  (*info.mutable_metadata())["retryable"] = error.retry == Retry::kLater ? "true" : "false";
  details.add_details()->PackFrom(info);
  if (error.retry == Retry::kLater) {
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_seconds(5);
    details.add_details()->PackFrom(retry);
  }
  return {row.status, message, details.SerializeAsString()};
}

grpc::Status BadRequest(const std::vector<std::pair<std::string, std::string>>& violations) {
  google::rpc::Status details;
  details.set_code(grpc::StatusCode::INVALID_ARGUMENT);
  details.set_message("the request is wrong");
  google::rpc::ErrorInfo info;
  info.set_reason("INVALID");
  info.set_domain(std::string(kErrorDomain));
  (*info.mutable_metadata())["retryable"] = "false";
  details.add_details()->PackFrom(info);
  google::rpc::BadRequest bad;
  for (const auto& [field, description] : violations) {
    auto* violation = bad.add_field_violations();
    violation->set_field(field);
    violation->set_description(description);
  }
  details.add_details()->PackFrom(bad);
  return {grpc::StatusCode::INVALID_ARGUMENT, details.message(), details.SerializeAsString()};
}

Error FromStatus(const grpc::Status& status) {
  Code code = Code::kInternal;
  for (const Row& row : kTable) {
    if (row.status != status.error_code()) continue;
    code = row.code;
    break;
  }
  Error error = MakeError(code, status.error_message());
  google::rpc::Status details;
  if (!details.ParseFromString(status.error_details())) return error;
  for (const auto& any : details.details()) {
    google::rpc::ErrorInfo info;
    if (!any.UnpackTo(&info) || info.domain() != kErrorDomain) continue;
    const auto retryable = info.metadata().find("retryable");
    if (retryable != info.metadata().end()) error.retry = retryable->second == "true" ? Retry::kLater : Retry::kNever;
    // Several codes share a status; our own servers say which it was.
    for (const Row& row : kTable) {
      if (row.status == status.error_code() && row.reason == info.reason()) error.code = row.code;
    }
  }
  return error;
}

}  // namespace sekisho::rpc
