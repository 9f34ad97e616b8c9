#pragma once
// The mail that tells a sender what was blocked, why, and what would have let it pass: in their language first, then
// the other. It holds no evidence, so that nobody learns a dictionary from it. Pure.

#include <string>
#include <vector>

#include "sekisho/mail/v1/mail.pb.h"
#include "shared/notice/body.h"
#include "shared/notice/letter.h"

namespace sekisho::policy {

struct Rejection {
  std::string to;  // the sender
  notice::Language language = notice::Language::kJapanese;
  std::string subject;                  // of the mail
  std::string mail_message_id;          // its Message-ID; may be empty
  std::vector<std::string> recipients;  // that were blocked
  std::vector<mail::v1::Reason> reasons;
};

notice::Letter WriteRejection(const Rejection& rejection);

}  // namespace sekisho::policy
