#include "shared/base/result.h"

namespace sekisho {

std::string_view CodeName(Code code) {
  switch (code) {
    case Code::kInvalid:
      return "invalid";
    case Code::kMalformed:
      return "malformed";
    case Code::kUnauthenticated:
      return "unauthenticated";
    case Code::kPermission:
      return "permission";
    case Code::kNotFound:
      return "not_found";
    case Code::kExists:
      return "exists";
    case Code::kPrecondition:
      return "precondition";
    case Code::kLimit:
      return "limit";
    case Code::kExhausted:
      return "exhausted";
    case Code::kUnavailable:
      return "unavailable";
    case Code::kTimeout:
      return "timeout";
    case Code::kCancelled:
      return "cancelled";
    case Code::kCorrupt:
      return "corrupt";
    case Code::kUnsupported:
      return "unsupported";
    case Code::kInternal:
      return "internal";
  }
  return "internal";
}

Error MakeError(Code code, std::string detail) {
  const bool later = code == Code::kExhausted || code == Code::kUnavailable || code == Code::kTimeout;
  return Error{code, later ? Retry::kLater : Retry::kNever, std::move(detail)};
}

Error Annotate(Error error, std::string_view where) {
  error.detail.insert(0, std::string(where) + ": ");
  return error;
}

void CheckFailed(const char* file, int line, const char* what) {
  std::fprintf(stderr, "%s:%d: broken invariant: %s\n", file, line, what);
  std::abort();
}

}  // namespace sekisho
