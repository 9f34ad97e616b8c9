#pragma once
// What the octets of a mail must be, however they travel (RFC 5321 §2.3.8, RFC 5322 §2.1.1): lines that end with CRLF,
// at most 998 octets long, without NUL. A CR or LF on its own is how one mail is made to look like two (SMTP smuggling,
// CVE-2023-51764). Pure.

#include <cstddef>
#include <string_view>

#include "shared/base/result.h"

namespace sekisho::smtp {

inline constexpr size_t kLongestLine = 998;  // without its CRLF

class ContentChecker {
 public:
  // The next octets of the mail. Once something was wrong, it stays so.
  // Errors: kInvalid (bare CR, bare LF, NUL), kLimit (a long line).
  const Status& Check(std::string_view octets);
  // The mail ends here: not between CR and LF. A last line without CRLF is allowed.
  const Status& Finish();
  const Status& defect() const { return defect_; }

 private:
  const Status& Fail(Code code, const char* what);

  Status defect_;
  size_t line_ = 0;  // octets of the line so far
  bool cr_ = false;  // the last octet was a CR
};

bool HasOctetsOver127(std::string_view octets);

}  // namespace sekisho::smtp
