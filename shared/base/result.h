#pragma once
// An expected failure is a value: Result<T> holds a T or an Error; Status is a Result without a value.
// A broken invariant is not an Error: it aborts (SEKISHO_CHECK).

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace sekisho {

// What went wrong, in the product's own terms. Each edge (SMTP, gRPC, bus) has one table from these to its replies;
// a test walks every code at every edge. Add a code at the end and in every table.
enum class Code {
  kInvalid,          // the caller's input is wrong: says where and what to do
  kMalformed,        // a mail has two readings or none
  kUnauthenticated,  // who is it
  kPermission,       // known, but may not
  kNotFound,
  kExists,        // an id was used before for something else
  kPrecondition,  // right request, wrong state (already released)
  kLimit,         // a configured limit was hit; the same request fails again
  kExhausted,     // no room now: queue, outbox, disk
  kUnavailable,   // a dependency is down or slow
  kTimeout,
  kCancelled,  // the process is stopping, or the caller left
  kCorrupt,    // stored or received bytes fail their check (digest, tag, HMAC)
  kUnsupported,
  kInternal,  // a defect of ours
};
inline constexpr int kCodeCount = static_cast<int>(Code::kInternal) + 1;

std::string_view CodeName(Code code);  // "invalid", "exhausted", …; stable, used in logs and metrics

// Whether the same attempt may succeed later.
enum class Retry { kNever, kLater };

struct Error {
  Code code = Code::kInternal;
  Retry retry = Retry::kNever;
  std::string detail;  // for people; no secret, no mail content, no whole address

  std::string ToString() const { return std::string(CodeName(code)) + ": " + detail; }
};

// kExhausted, kUnavailable and kTimeout default to kLater, everything else to kNever.
Error MakeError(Code code, std::string detail);
// The same error with `where: ` put before its detail.
Error Annotate(Error error, std::string_view where);

[[noreturn]] void CheckFailed(const char* file, int line, const char* what);
#define SEKISHO_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::sekisho::CheckFailed(__FILE__, __LINE__, #condition))

template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit by design
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT
  template <typename U>
  requires(std::is_convertible_v<U, T> && !std::is_same_v<std::decay_t<U>, Error> &&
           !std::is_same_v<std::decay_t<U>, T> && !std::is_same_v<std::decay_t<U>, Result<T>>) Result(U&& value)
      : state_(std::in_place_index<0>, std::forward<U>(value)) {}  // NOLINT

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& value() & {
    SEKISHO_CHECK(ok());
    return std::get<0>(state_);
  }
  const T& value() const& {
    SEKISHO_CHECK(ok());
    return std::get<0>(state_);
  }
  T&& value() && {
    SEKISHO_CHECK(ok());
    return std::get<0>(std::move(state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  const Error& error() const& {
    SEKISHO_CHECK(!ok());
    return std::get<1>(state_);
  }
  Error&& error() && {
    SEKISHO_CHECK(!ok());
    return std::get<1>(std::move(state_));
  }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  const Error& error() const& {
    SEKISHO_CHECK(!ok());
    return *error_;
  }
  Error&& error() && {
    SEKISHO_CHECK(!ok());
    return *std::move(error_);
  }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;
inline Status Ok() { return {}; }

#define SEKISHO_CONCAT_(a, b) a##b
#define SEKISHO_CONCAT(a, b) SEKISHO_CONCAT_(a, b)
// SEKISHO_TRY(auto x, F()): declares x from F()'s value, or returns F()'s error from the enclosing function.
#define SEKISHO_TRY(declaration, expression) \
  SEKISHO_TRY_(SEKISHO_CONCAT(sekisho_try_, __COUNTER__), declaration, expression)
#define SEKISHO_TRY_(name, declaration, expression) \
  auto name = (expression);                         \
  if (!name.ok()) return std::move(name).error();   \
  declaration = *std::move(name)
// Returns the error of a Status or Result from the enclosing function.
#define SEKISHO_RETURN_IF_ERROR(expression) \
  SEKISHO_RETURN_IF_ERROR_(SEKISHO_CONCAT(sekisho_status_, __COUNTER__), expression)
#define SEKISHO_RETURN_IF_ERROR_(name, expression)                            \
  do {                                                                        \
    if (auto name = (expression); !name.ok()) return std::move(name).error(); \
  } while (false)

}  // namespace sekisho
