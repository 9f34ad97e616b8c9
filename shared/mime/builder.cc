#include "shared/mime/builder.h"

#include <algorithm>
#include <iterator>

#include "shared/base/bytes.h"
#include "shared/mime/address.h"
#include "shared/mime/compose.h"
#include "shared/mime/editor.h"
#include "shared/mime/encoded_word.h"
#include "shared/mime/header_section.h"
#include "shared/mime/transfer_encoding.h"
#include "shared/text/utf8.h"

namespace sekisho::mime {
namespace {

// The fields that NewMail has members for, and those of the structure.
bool IsReserved(std::string_view name) {
  static constexpr std::string_view kNames[] = {
      "From", "Sender", "To", "Cc", "Bcc", "Resent-Bcc", "Reply-To", "Subject", "Date", "Message-ID", "MIME-Version"};
  return std::any_of(std::begin(kNames), std::end(kNames),
                     [&](std::string_view reserved) { return AsciiEqualsIgnoreCase(name, reserved); }) ||
         IsContentField(name);
}

Result<std::string> FormatMailboxes(std::string_view field, const std::vector<Mailbox>& mailboxes) {
  std::vector<std::string> formatted;
  for (const Mailbox& mailbox : mailboxes) {
    Result<std::string> one = FormatMailbox(mailbox);
    if (!one.ok()) return Annotate(std::move(one).error(), field);
    formatted.push_back(*std::move(one));
  }
  return JoinMailboxes(field, formatted);
}

// The mail's own fields, up to and with MIME-Version.
Result<std::string> BuildHeader(const NewMail& mail) {
  std::string header;
  const auto add = [&header](Result<std::string> field) -> Status {
    SEKISHO_TRY(const std::string octets, std::move(field));
    header += octets;
    return Ok();
  };
  SEKISHO_RETURN_IF_ERROR(add(FormatField("Date", FormatRfc5322(mail.date))));
  SEKISHO_RETURN_IF_ERROR(add(FormatMailboxes("From", {mail.from})));
  if (mail.sender) SEKISHO_RETURN_IF_ERROR(add(FormatMailboxes("Sender", {*mail.sender})));
  if (!mail.reply_to.empty()) SEKISHO_RETURN_IF_ERROR(add(FormatMailboxes("Reply-To", mail.reply_to)));
  if (!mail.to.empty()) SEKISHO_RETURN_IF_ERROR(add(FormatMailboxes("To", mail.to)));
  if (!mail.cc.empty()) SEKISHO_RETURN_IF_ERROR(add(FormatMailboxes("Cc", mail.cc)));
  if (mail.to.empty() && mail.cc.empty()) header += "To: undisclosed-recipients:;\r\n";
  SEKISHO_RETURN_IF_ERROR(add(FormatField("Subject", mail.subject)));
  if (!mail.message_id.starts_with('<') || !mail.message_id.ends_with('>') ||
      mail.message_id.find_first_of(" \t") != std::string::npos || !text::IsAscii(mail.message_id) ||
      mail.message_id.size() > 500) {
    return MakeError(Code::kInvalid, "Message-ID must be of the form <id@domain>");
  }
  SEKISHO_RETURN_IF_ERROR(add(FormatField("Message-ID", mail.message_id)));
  for (const auto& [name, value] : mail.fields) {
    if (IsReserved(name)) return MakeError(Code::kInvalid, name + " can't be given as a further field");
    SEKISHO_RETURN_IF_ERROR(add(FormatField(name, value)));
  }
  header += "MIME-Version: 1.0\r\n";
  return header;
}

Result<std::string> BuildReport(const NewMail& mail, std::string_view seed) {
  const NewReport& report = *mail.report;
  if (!mail.html.empty() || !mail.attachments.empty())
    return MakeError(Code::kInvalid, "a report has neither html nor attachments");
  if (!IsToken(report.report_type)) return MakeError(Code::kInvalid, "the report type isn't a token");
  if (!CheckLines(report.fields).ok() || !text::IsAscii(report.fields))
    return MakeError(Code::kInvalid, "the report's fields must be ASCII lines ended by CRLF");
  std::vector<std::string> entities;
  SEKISHO_TRY(std::string text, ComposeText("plain", mail.text));
  entities.push_back(std::move(text));
  entities.push_back("Content-Type: message/" + report.report_type + "\r\n\r\n" + report.fields);
  if (report.returned_headers_only) {
    // A header may hold raw octets, but base64 hides nothing from a reader of text.
    const bool plain = text::IsAscii(report.returned) && CheckLines(report.returned).ok();
    entities.push_back(
        "Content-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: " + std::string(plain ? "7bit" : "base64") +
        "\r\n\r\n" + (plain ? report.returned : EncodeBase64Lines(report.returned)));
  } else if (!report.returned.empty()) {
    SEKISHO_TRY(std::string returned, BuildAttachment({"", "message/rfc822", report.returned, true, ""}));
    entities.push_back(std::move(returned));
  }
  return ComposeMultipart("report", {{"report-type", report.report_type}}, entities, seed);
}

Result<std::string> BuildContent(const NewMail& mail, const std::string& seed) {
  if (mail.report) return BuildReport(mail, seed);
  std::vector<std::string> attached, shown;
  for (const NewAttachment& attachment : mail.attachments) {
    SEKISHO_TRY(std::string entity, BuildAttachment(attachment));
    const bool in_html = attachment.is_inline && !attachment.content_id.empty() && !mail.html.empty();
    (in_html ? shown : attached).push_back(std::move(entity));
  }
  std::string body;
  if (!mail.html.empty()) {
    SEKISHO_TRY(body, ComposeText("html", mail.html));
    if (!shown.empty()) {
      shown.insert(shown.begin(), std::move(body));
      body = ComposeMultipart("related", {{"type", "text/html"}}, shown, seed + "r");
    }
  }
  if (!mail.text.empty() || body.empty()) {
    SEKISHO_TRY(std::string text, ComposeText("plain", mail.text));
    body = body.empty() ? std::move(text)
                        : ComposeMultipart("alternative", {}, {std::move(text), std::move(body)}, seed + "a");
  }
  if (attached.empty()) return body;
  attached.insert(attached.begin(), std::move(body));
  return ComposeMultipart("mixed", {}, attached, seed + "m");
}

}  // namespace

Result<std::string> FormatMailbox(const Mailbox& mailbox) {
  const Address address = ReadAddrSpec(mailbox.address);
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
  if (!address.valid || mailbox.address.size() > 320 ||
      std::any_of(mailbox.address.begin(), mailbox.address.end(), control)) {
    return MakeError(Code::kInvalid, "not an address");
  }
  const std::string& name = mailbox.display_name;
  if (std::any_of(name.begin(), name.end(), control) || !text::IsValidUtf8(name) || name.size() > 4096) {
    return MakeError(Code::kInvalid,
                     "a display name holds a line break, a control character or octets that aren't UTF-8");
  }
  if (AsciiTrim(name).empty()) return address.AddrSpec();
  std::string out;
  const bool atoms = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == ' ' || c == '-' ||
           c == '_';
  });
  if (!text::IsAscii(name) || name.size() > 60 || name.find("=?") != std::string::npos) {
    out = EncodeWords(name, 12);
  } else if (atoms) {
    out = name;
  } else {
    out = "\"";
    for (const char c : name) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
  }
  // A long name leaves no room on its last line.
  return out + (out.size() > 40 ? "\r\n <" : " <") + address.AddrSpec() + ">";
}

Result<std::string> BuildAttachment(const NewAttachment& attachment) {
  const size_t slash = attachment.media_type.find('/');
  const std::string type = AsciiLower(attachment.media_type.substr(0, slash));
  if (slash == std::string::npos || !IsToken(type) || !IsToken(attachment.media_type.substr(slash + 1)) ||
      type == "multipart" || type == "message") {
    if (AsciiLower(attachment.media_type) != "message/rfc822")
      return MakeError(Code::kInvalid, "not a media type for an attachment");
  }
  SEKISHO_TRY(std::string entity,
              FormatParameterized("Content-Type", attachment.media_type, {}, "name", attachment.file_name));
  SEKISHO_TRY(const std::string disposition,
              FormatParameterized("Content-Disposition", attachment.is_inline ? "inline" : "attachment", {}, "filename",
                                  attachment.file_name));
  entity += disposition;
  if (!attachment.content_id.empty()) {
    SEKISHO_TRY(const std::string id, FormatField("Content-ID", "<" + attachment.content_id + ">"));
    if (!text::IsAscii(attachment.content_id)) return MakeError(Code::kInvalid, "Content-ID must be ASCII");
    entity += id;
  }
  if (type == "message") {
    // A message is never encoded as a whole (RFC 2046 §5.2.1), so it must be fit to travel as it is.
    if (attachment.content.empty() || !CheckLines(attachment.content).ok()) {
      return MakeError(Code::kInvalid, "an attached message must have lines of at most 998 octets, ended by CRLF");
    }
    entity += text::IsAscii(attachment.content) ? "Content-Transfer-Encoding: 7bit\r\n\r\n"
                                                : "Content-Transfer-Encoding: 8bit\r\n\r\n";
    return entity + attachment.content;
  }
  entity += "Content-Transfer-Encoding: base64\r\n\r\n";
  AppendBase64Lines(attachment.content, entity);
  return entity;
}

Result<std::string> BuildMail(const NewMail& mail) {
  SEKISHO_TRY(std::string octets, BuildHeader(mail));
  SEKISHO_TRY(const std::string content, BuildContent(mail, mail.message_id + mail.subject));
  octets += content;
  return octets;
}

}  // namespace sekisho::mime
