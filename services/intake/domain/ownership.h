#pragma once
// Whether who hands a mail in may write as the addresses that it carries: MAIL FROM and every From and Sender field
// belong to the login (CVE-2024-7208: an authenticated client that sends as somebody else). Pure.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/result.h"
#include "shared/mime/model.h"

namespace sekisho::intake {

// Answers whether the submitter may send as this address.
using MaySendAs = std::function<bool(std::string_view address)>;

// `mail_from` may be empty (the null sender) where `null_sender_allowed`.
// Errors: kPermission, naming the field ("From", "Sender", "MAIL FROM") but not the address.
Status CheckMailFrom(std::string_view mail_from, bool null_sender_allowed, const MaySendAs& may);
// Errors: kPermission as above; kInvalid when there is no From, or one that can't be read.
Status CheckHeaderSenders(const mime::MailHeader& header, const MaySendAs& may);

}  // namespace sekisho::intake
