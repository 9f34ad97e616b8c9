#pragma once
// A system mail as an RFC 5322 message. Pure: the same letter and stamp give the same octets.

#include <optional>
#include <string>
#include <vector>

#include "sekisho/mail/v1/mail.pb.h"
#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "shared/mime/builder.h"

namespace sekisho::notice {

// What a service says, and to whom.
struct Letter {
  mail::v1::SystemMail kind = mail::v1::SYSTEM_MAIL_NOTICE;
  std::string to;       // the one recipient
  std::string subject;  // UTF-8
  std::string text;     // see Bilingual
  std::string
      answers;  // Message-ID of the mail it answers; empty when it answers none. One that fits no field is left out
  std::vector<mime::NewAttachment> attachments;
  std::optional<mime::NewReport> report;  // as in mime::NewMail
};

// What makes a mail of it.
struct Stamp {
  std::string from;        // our address
  std::string message_id;  // with angle brackets
  TimePoint date;
};

// Marked so that no machine answers it (RFC 3834 §5). Errors: those of mime::BuildMail.
Result<std::string> Compose(const Letter& letter, const Stamp& stamp);

}  // namespace sekisho::notice
