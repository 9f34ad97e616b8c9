#pragma once
// The octets of a mail as DATA brings them (RFC 5321 §4.5.2). Only CRLF.CRLF ends it; a stuffed dot is taken away. What
// the mail may not have (content_checker.h) makes it refused, but its end is found all the same. Pure; copies nothing.

#include <string_view>

#include "shared/base/result.h"
#include "shared/smtp/content_checker.h"

namespace sekisho::smtp {

class DataDecoder {
 public:
  // `normalize_bare_lf`: for listed printers. A bare LF becomes CRLF, and a dot doubled after it one dot, but it never
  // ends the mail.
  explicit DataDecoder(bool normalize_bare_lf) : normalize_(normalize_bare_lf) {}

  struct Piece {
    std::string_view content;  // a view into `input`, or static; nothing once defect() is an error
    bool ended = false;        // CRLF.CRLF was taken: what remains of `input` isn't the mail's
  };
  // Takes octets from the front of `input`; to be called until that is empty or the end came.
  Piece Next(std::string_view& input);

  const Status& defect() const { return checker_.defect(); }

 private:
  // After CRLF or the start; within a line; after a CR there; after a dot at the start; after CR behind that; after a
  // bare LF that was made CRLF; after a dot there.
  enum class At { kLineStart, kText, kCr, kDot, kDotCr, kAfterLf, kDotAfterLf };
  Piece Give(std::string_view content, bool ended = false);

  const bool normalize_;
  At at_ = At::kLineStart;
  std::string_view owed_;  // content that isn't in the input: given by the next call
  ContentChecker checker_;
};

}  // namespace sekisho::smtp
