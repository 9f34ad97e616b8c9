#pragma once
// The changes policy makes to a mail's header before anybody approves it: D0 becomes D1. The body is never touched.
// Pure.

#include <optional>
#include <string>
#include <string_view>

#include "shared/base/result.h"
#include "shared/mime/model.h"

namespace sekisho::policy {

// D1 in two pieces, so that a large body isn't copied; `body` views the mail it was made from.
struct EditedMail {
  std::string header;  // with the empty line that ends it
  std::string_view body;
};

struct HeaderEdits {
  bool hide_recipients = false;  // the To/Cc→Bcc treatment
  std::string message_id, date;  // put where the mail has none (RFC 6409 §8)
};

// Takes out Bcc and Resent-Bcc, always, and makes `edits`. nullopt when there is nothing to change. `mail` is the
// model's header.
Result<std::optional<EditedMail>> EditMail(std::string_view raw, const mime::MailHeader& mail, const HeaderEdits& edits,
                                           const mime::Limits& limits);

// For a mail that could not be parsed, but may be released by a person: takes out every line that any reader may take
// for a Bcc or Resent-Bcc field, with the lines that continue it. Nothing else is changed or repaired.
std::optional<EditedMail> StripBccLines(std::string_view raw);

}  // namespace sekisho::policy
