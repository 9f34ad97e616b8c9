#pragma once
// What of a mail's octets those who decide about it need to know. Octets that can't be read say so; they are never
// guessed at.

#include <string>
#include <string_view>
#include <vector>

#include "shared/mime/model.h"

namespace sekisho::approval {

struct MailView {
  bool readable = false;                      // has one reading
  bool senders_known = false;                 // the header could be read, and each of From and Sender is one address
  std::vector<std::string> header_senders;    // addresses in From and Sender
  std::vector<std::string> attachment_names;  // as a person sees them
};
// `limits`: those that policy read it under; its size was checked then.
MailView ViewMail(std::string_view raw, mime::Limits limits);

// The text of the body, at most `limit` octets; of a mail that can't be read, its first octets as they are.
std::string BodyText(std::string_view raw, mime::Limits limits, size_t limit);

}  // namespace sekisho::approval
