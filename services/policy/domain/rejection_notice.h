#pragma once
// The mail that tells a sender what was blocked, why, and what would have let it pass: in their language first, then
// the other. It holds no evidence, so that nobody learns a dictionary from it. Pure.

#include <string>
#include <vector>

#include "sekisho/mail/v1/mail.pb.h"
#include "shared/base/clock.h"
#include "shared/base/result.h"

namespace sekisho::policy {

struct Rejection {
  std::string from;                     // our address
  std::string to;                       // the sender
  std::string language;                 // "ja" or "en"
  std::string subject;                  // of the mail
  std::string mail_message_id;          // its Message-ID; may be empty
  std::vector<std::string> recipients;  // that were blocked
  std::vector<mail::v1::Reason> reasons;
  TimePoint date;
  std::string message_id;  // of the notice
};

Result<std::string> WriteRejection(const Rejection& rejection);
std::string RejectionSubject(const Rejection& rejection);

}  // namespace sekisho::policy
