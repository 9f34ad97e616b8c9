#pragma once
// The octets of a mail as the client sends them in DATA (RFC 5321 §4.5.2): a dot before each line that begins with one,
// and the end. Pure; copies nothing, and holds no more than a piece of the work at a time, whatever the mail is.

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "shared/base/result.h"

namespace sekisho::smtp {

class DotStuffer {
 public:
  // The mail is `content`, one view after another; they outlive the stuffer.
  // Errors: those of ContentChecker. So nothing this sends can be read as two mails.
  static Result<DotStuffer> Make(std::vector<std::string_view> content);

  // Puts the next octets to be sent, in order, in the place of what `pieces` had: at most 64 views and about 256 KiB.
  // False when all was given, the final dot included; then `pieces` is empty.
  bool Next(std::vector<std::string_view>& pieces);

  bool ended() const { return ended_; }  // the final dot was given
  bool has_octets_over_127() const { return has_octets_over_127_; }

 private:
  explicit DotStuffer(std::vector<std::string_view> content) : content_(std::move(content)) {}

  std::vector<std::string_view> content_;
  size_t index_ = 0;   // of the view whose octets come next
  size_t offset_ = 0;  // in it
  bool line_start_ = true;
  char last_ = '\n';
  bool ended_ = false;
  bool has_octets_over_127_ = false;
};

}  // namespace sekisho::smtp
