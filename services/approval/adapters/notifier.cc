#include "services/approval/adapters/notifier.h"

#include "services/approval/adapters/mail_view.h"
#include "shared/mime/builder.h"

namespace sekisho::approval {
namespace {

// The original as an attachment. What has no single reading is closed up as octets, so that no reader of the notice
// reads into it.
mime::NewAttachment AttachmentOf(std::string_view original, const mime::Limits& limits) {
  if (original.size() > kMaxReturned) {
    const size_t end = original.find("\r\n\r\n");
    return {"original-header.txt", "text/rfc822-headers", std::string(original.substr(0, std::min(end, kMaxReturned))),
            false, ""};
  }
  const bool readable = ViewMail(original, limits).readable;
  return {"original.eml", readable ? "message/rfc822" : "application/octet-stream", std::string(original), false, ""};
}

}  // namespace

Status Notifier::Write(NoticeFacts facts, const Reader& reader, const std::string* original, Notices& notices) const {
  facts.link_base_url = link_base_url_;
  if (original != nullptr) facts.returned = original->size() > kMaxReturned ? Returned::kHeaderOnly : Returned::kWhole;
  SEKISHO_TRY(const MailId about, MailId::Parse(facts.mail_id));
  notice::Letter letter = WriteNotice(facts, writer_.LanguageFor(reader.language));
  letter.to = reader.address;
  if (original != nullptr) letter.attachments.push_back(AttachmentOf(*original, limits_));
  Result<notice::SystemMail> mail = writer_.Write(letter, about);
  if (mail.ok()) {
    notices.written.push_back(*std::move(mail));
  } else if (mail.error().retry == Retry::kLater) {
    return std::move(mail).error();
  } else {
    notices.unwritten = CodeName(mail.error().code);
  }
  return Ok();
}

Status Notices::Publish(store::Tx& tx, stage::Outbox& outbox) const {
  for (const notice::SystemMail& mail : written) SEKISHO_RETURN_IF_ERROR(mail.Publish(tx, outbox));
  return Ok();
}

std::optional<Reader> SenderOf(const mail::v1::Parcel& parcel, const Authority& authority) {
  Reader reader;
  reader.language = parcel.submitter().display_language();
  reader.address = parcel.envelope().mail_from();
  if (authority.sender()) {
    reader.address = authority.sender()->notice_address;
    if (!authority.sender()->language.empty()) reader.language = authority.sender()->language;
  }
  return reader.address.empty() ? std::nullopt : std::optional(reader);
}

NoticeFacts FactsOf(const mail::v1::Parcel& parcel, const mail::v1::Judgement& judgement, const Authority& authority) {
  NoticeFacts facts;
  facts.state = StateOf(judgement.treatment().hold());
  if (const auto mail = MailId::FromOctets(parcel.mail_id()); mail.ok()) facts.mail_id = mail->ToString();
  if (const auto id = ParcelId::FromOctets(parcel.parcel_id()); id.ok()) facts.parcel_id = id->ToString();
  facts.subject = parcel.subject();
  facts.from = parcel.envelope().mail_from();
  if (authority.sender()) facts.from_name = authority.sender()->name;
  for (const auto& recipient : parcel.recipients()) facts.recipients.push_back(recipient.address());
  facts.reasons.assign(judgement.reasons().begin(), judgement.reasons().end());
  return facts;
}

}  // namespace sekisho::approval
