#pragma once
// The octets of a mail as DATA brings them (RFC 5321 §4.5.2): only CRLF.CRLF ends it, dots are unstuffed, bare CR, bare LF and NUL
// make the mail refused once its true end has come (SMTP smuggling, CVE-2023-51764). Pure; one pass over the octets.

#include <cstdint>
#include <string>
#include <string_view>

#include "shared/base/result.h"

namespace sekisho::smtp {

inline constexpr size_t kLongestLine = 998;  // without CRLF, RFC 5322 §2.1.1

class DataDecoder {
 public:
  // `normalize_bare_lf`: for listed printers only; a bare LF becomes CRLF, but never ends anything.
  explicit DataDecoder(bool normalize_bare_lf) : normalize_(normalize_bare_lf) {}

  // Takes octets from the front of `input` and appends content to `out`. True when CRLF.CRLF was taken: `input` then begins with
  // what follows. Content after a defect is not appended.
  bool Decode(std::string_view& input, std::string& out);

  // What is wrong with the content so far. kInvalid (bare CR, LF, NUL), kLimit (line length).
  const Status& defect() const { return defect_; }

 private:
  enum class At { kLineStart, kText, kCr, kDot, kDotCr };
  void Fail(Code code, const char* what);
  void Put(char c, std::string& out);

  const bool normalize_;
  At at_ = At::kLineStart;
  size_t line_ = 0;
  Status defect_;
};

// The same checks for octets that BDAT counts (RFC 3030): there is no stuffing and no end mark.
class ChunkChecker {
 public:
  void Check(std::string_view octets);
  // At the end of the last chunk: a mail must not end within a CRLF.
  void Finish();
  const Status& defect() const { return defect_; }

 private:
  bool cr_ = false;
  size_t line_ = 0;
  Status defect_;
};

}  // namespace sekisho::smtp
