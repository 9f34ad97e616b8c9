#pragma once
// SMTP replies (RFC 5321 §4.2) with enhanced status codes (RFC 2034, RFC 3463). Pure.

#include <string>
#include <string_view>
#include <vector>

#include "shared/base/result.h"

namespace sekisho::smtp {

struct Reply {
  int code = 0;
  std::string enhanced;            // "2.1.0"; empty where none is sent (greeting, EHLO, 354, 334)
  std::vector<std::string> lines;  // without codes; at least one when formatted

  Reply() = default;
  Reply(int reply_code, std::string enhanced_code, std::string text)
      : code(reply_code), enhanced(std::move(enhanced_code)), lines{std::move(text)} {}

  bool positive() const { return code >= 200 && code < 400; }
  bool transient() const { return code >= 400 && code < 500; }
  bool permanent() const { return code >= 500 && code < 600; }
  std::string Text() const;  // lines joined by a space
};

// Appends "250-…\r\n250 …\r\n". Characters outside printable ASCII become '?', long lines are cut: a reply is never a
// way in.
void AppendReply(const Reply& reply, std::string& out);

// The reply that says `error`: the edge's one table from our errors to SMTP.
Reply ReplyTo(const Error& error);

// Reads replies out of a stream, strictly: CRLF lines, one code, "-" until the last. Bounded: 100 lines of 2,000
// octets.
class ReplyParser {
 public:
  enum class State { kMore, kDone };
  // Takes what it needs from the front of `input`. kDone: reply() is whole; the parser starts anew with the next call.
  // Errors: kMalformed, kLimit.
  Result<State> Feed(std::string_view& input);
  const Reply& reply() const { return reply_; }

 private:
  Result<State> TakeLine(std::string_view line);
  Reply reply_;
  std::string line_;
  bool fresh_ = true;
};

}  // namespace sekisho::smtp
