#pragma once
// The envelope as the stages carry it, from the words of either door. Pure.

#include <string>
#include <string_view>

#include "sekisho/mail/v1/mail.pb.h"
#include "shared/base/result.h"
#include "shared/smtp/address.h"
#include "shared/smtp/command.h"

namespace sekisho::intake {

// The local part as given, the domain as A-label in lower case. Errors: kInvalid.
Result<std::string> CanonicalAddress(const smtp::Mailbox& mailbox);

Result<mail::v1::Recipient> MakeRecipient(const smtp::RcptTo& rcpt);
Result<mail::v1::Envelope> MakeEnvelope(const smtp::MailFrom& mail);

}  // namespace sekisho::intake
