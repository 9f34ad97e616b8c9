#include "services/approval/adapters/mail_view.h"

#include "shared/mime/model.h"
#include "shared/mime/rewrite.h"
#include "shared/text/utf8.h"

namespace sekisho::approval {
namespace {

void AddSenders(const mime::MailHeader& header, MailView& view) {
  view.senders_known = !header.from.empty();
  for (const auto* addresses : {&header.from, &header.sender}) {
    for (const mime::Address& address : *addresses) {
      view.senders_known = view.senders_known && address.valid;
      if (const std::string spec = address.AddrSpec(); !spec.empty()) view.header_senders.push_back(spec);
    }
  }
}

}  // namespace

MailView ViewMail(std::string_view raw, mime::Limits limits) {
  MailView view;
  limits.message_octets = raw.size();
  const auto mail = mime::Parse(raw, limits);
  if (!mail.ok()) {
    if (const auto header = mime::ParseHeader(raw, limits); header.ok()) AddSenders(*header, view);
    return view;
  }
  view.readable = true;
  AddSenders(*mail, view);
  for (const size_t index : mime::Attachments(*mail)) {
    const mime::Part& part = mail->parts[index];
    view.attachment_names.push_back(part.file_name.empty() ? part.place : part.file_name);
  }
  return view;
}

std::string BodyText(std::string_view raw, mime::Limits limits, size_t limit) {
  limits.message_octets = raw.size();
  const auto mail = mime::Parse(raw, limits);
  if (mail.ok()) {
    for (const mime::Role role : {mime::Role::kBodyText, mime::Role::kBodyHtml}) {
      std::string text;
      for (const mime::Part& part : mail->parts) {
        if (part.role != role || text.size() > limit) continue;
        if (const auto readable = mime::ReadableText(*mail, part); readable.ok()) text += *readable;
      }
      if (!text.empty()) return std::string(text::TruncateUtf8(text, limit));
    }
    return {};
  }
  return std::string(text::TruncateUtf8(text::SanitizeUtf8(raw.substr(0, limit)), limit));
}

}  // namespace sekisho::approval
