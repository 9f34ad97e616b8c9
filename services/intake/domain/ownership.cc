#include "services/intake/domain/ownership.h"

namespace sekisho::intake {
namespace {

Error NotOwned(std::string_view field) {
  return MakeError(Code::kPermission,
                   std::string(field) +
                       " is not an address of this login; use one of your own, or ask the administrator to "
                       "list it in the directory");
}

}  // namespace

Status CheckMailFrom(std::string_view mail_from, bool null_sender_allowed, const MaySendAs& may) {
  if (mail_from.empty()) {
    if (null_sender_allowed) return Ok();
    return MakeError(Code::kPermission, "MAIL FROM:<> is not for logins; give your own address");
  }
  if (!may(mail_from)) return NotOwned("MAIL FROM");
  return Ok();
}

Status CheckHeaderSenders(const mime::MailHeader& header, const MaySendAs& may) {
  if (header.from.empty()) return MakeError(Code::kInvalid, "the mail has no From field; add one with your address");
  for (const auto& [field, addresses] : {std::pair{"From", &header.from}, {"Sender", &header.sender}}) {
    for (const mime::Address& address : *addresses) {
      if (!address.valid) {
        return MakeError(Code::kInvalid,
                         std::string(field) + " can be read in several ways; write it as Name <address>");
      }
      if (!may(address.AddrSpec())) return NotOwned(field);
    }
  }
  return Ok();
}

}  // namespace sekisho::intake
