#pragma once
// New mails: notices, DSNs, structured submissions. Pure and deterministic: the same NewMail gives the same octets; the
// caller supplies date and Message-ID. What is built is ASCII (but for internationalised addresses and attached
// messages that aren't), with lines of at most 998 octets ended by CRLF, and Parse accepts it. Fields with controls and
// text that isn't UTF-8 are refused (kInvalid), naming the field.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shared/base/clock.h"
#include "shared/base/result.h"

namespace sekisho::mime {

struct Mailbox {
  std::string display_name;  // UTF-8; may be empty
  std::string address;       // addr-spec; an internationalised one (RFC 6532) is written as UTF-8
};

struct NewAttachment {
  std::string file_name;  // UTF-8; written as RFC 2231 and, for old clients, RFC 2047 in name=
  std::string media_type = "application/octet-stream";  // "type/subtype"
  std::string content;                                  // octets; message/rfc822 is attached as it is
  bool is_inline = false;
  std::string content_id;  // without angle brackets; may be empty
};

// RFC 3464 inside RFC 6522: the text of NewMail explains it to people.
struct NewReport {
  std::string report_type = "delivery-status";
  std::string fields;    // of message/<report_type>: "Reporting-MTA: …\r\n…", groups parted by an empty line
  std::string returned;  // the message, or its header section
  bool returned_headers_only = true;
};

struct NewMail {
  Mailbox from;
  std::optional<Mailbox> sender;
  std::vector<Mailbox> to, cc, reply_to;  // no `to` and no `cc`: "undisclosed-recipients:;"
  std::string subject;                    // UTF-8
  TimePoint date;
  std::string message_id;                                   // with angle brackets
  std::vector<std::pair<std::string, std::string>> fields;  // more fields, unstructured; not those above, nor Content-*
  std::string text;                                         // UTF-8, lines ended by LF or CRLF
  std::string html;                                         // empty: none
  std::vector<NewAttachment> attachments;
  std::optional<NewReport> report;  // makes the mail multipart/report; no html and no attachments then
};

Result<std::string> BuildMail(const NewMail& mail);

// One MIME entity, header and content, for an attachment; what ReplaceAttachments puts into a mail.
Result<std::string> BuildAttachment(const NewAttachment& attachment);

// "Display Name <local@domain>" for a header field, RFC 2047 words where needed.
Result<std::string> FormatMailbox(const Mailbox& mailbox);

}  // namespace sekisho::mime
