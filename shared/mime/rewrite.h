#pragma once
// Changes of a message's content that sealing makes. Pure; every result has passed Parse. Parts that aren't named keep
// their octets. A mail that its sender signed or encrypted is never rewritten (kPrecondition).

#include <string>
#include <string_view>
#include <vector>

#include "shared/mime/builder.h"
#include "shared/mime/model.h"

namespace sekisho::mime {

// The parts that a person calls attachments: files and embedded messages directly in the mail, not the parts inside an
// embedded message. Indexes into mail.parts. Neither inline images of the body nor
// the fields of a report are attachments.
std::vector<size_t> Attachments(const MailModel& mail);

// The mail with all its attachments taken out and `attachment` in their place; the body parts keep their octets and the
// header keeps all but its Content-* fields.
// Errors: kPrecondition when there is no attachment, or the sender sealed the mail or the part around one; kInvalid as
// builder.h says.
Result<std::string> ReplaceAttachments(const MailModel& mail, NewAttachment attachment);

// A message as S/MIME sees it: the entity that is signed or encrypted (its Content-* fields, an empty line, the body),
// and the header that stays outside: outer(), and a sealed entity behind it, is the sealed message. Text that came
// without MIME fields gets the charset it is in. A mail that its sender sealed is split as it is, and refused
// (kPrecondition) when it isn't 7-bit.
struct SplitMail {
  std::string mail;  // both, one behind the other: large content is held once
  size_t entity_at = 0;

  std::string_view outer() const {
    return std::string_view(mail).substr(0, entity_at);
  }  // with MIME-Version, without Content-*
  std::string_view entity() const {
    return std::string_view(mail).substr(entity_at);
  }  // 7-bit (RFC 8551 §3.1), CRLF lines
};
Result<SplitMail> SplitForSealing(const MailModel& mail);

// The mail with every 8-bit or binary part in quoted-printable or base64 and raw charsets in header fields as RFC 2047
// and 2231 write them, for a peer without 8BITMIME (RFC 6152 §3). Errors: kPrecondition for internationalised
// addresses, for 8-bit reports, and for sealed mail with 8-bit octets.
Result<std::string> ToSevenBit(const MailModel& mail);

}  // namespace sekisho::mime
