#include "services/approval/adapters/notifier.h"

#include "services/approval/adapters/mail_view.h"
#include "shared/mime/builder.h"
#include "shared/stage/proto_time.h"
#include "shared/text/utf8.h"

namespace sekisho::approval {
namespace {

// The original as an attachment. What has no single reading is closed up as octets, so that no reader of the notice
// reads into it.
mime::NewAttachment AttachmentOf(std::string_view original) {
  if (original.size() > kMaxReturned) {
    const size_t end = original.find("\r\n\r\n");
    return {"original-header.txt", "text/rfc822-headers", std::string(original.substr(0, std::min(end, kMaxReturned))),
            false, ""};
  }
  const bool readable = ViewMail(original).readable;
  return {"original.eml", readable ? "message/rfc822" : "application/octet-stream", std::string(original), false, ""};
}

}  // namespace

Notifier::Notifier(Options options, const stage::Surroundings& around, content::Store& content)
    : options_(std::move(options)), around_(around), content_(content) {}

Result<std::shared_ptr<Notice>> Notifier::Write(NoticeFacts facts, const Reader& reader,
                                                const std::string* original) const {
  facts.link_base_url = options_.link_base_url;
  if (original != nullptr) facts.returned = original->size() > kMaxReturned ? Returned::kHeaderOnly : Returned::kWhole;
  NoticeText text = WriteNotice(facts, LanguageOf(reader.language, options_.language));

  const TimePoint now = around_.clock.Now();
  SEKISHO_TRY(keys::MailKey key, around_.keys.NewMailKey(now));
  auto notice = std::make_shared<Notice>(Notice{MailId::Generate(now), std::move(key), nullptr, {}, facts.mail_id});
  mime::NewMail mail;
  mail.from = {"Sekisho", options_.from_address};
  mail.to = {{"", reader.address}};
  mail.subject = text.subject;
  mail.date = now;
  mail.message_id = "<" + notice->mail.ToString() + "@" + options_.hostname + ">";
  mail.fields = {{"Auto-Submitted", "auto-generated"}};  // RFC 3834 §5
  mail.text = std::move(text.text);
  if (original != nullptr) mail.attachments.push_back(AttachmentOf(*original));
  SEKISHO_TRY(const std::string octets, mime::BuildMail(mail));

  const ParcelId parcel_id = ParcelId::Generate(now);
  const auto writer = content_.Create(notice->key, notice->mail, "d1-" + parcel_id.ToString());
  SEKISHO_RETURN_IF_ERROR(writer->Append(octets));
  SEKISHO_TRY(notice->content, writer->Finish());

  mail::v1::Parcel& parcel = notice->parcel;
  parcel.set_organization_id(around_.organization_id);
  parcel.set_mail_id(std::string(notice->mail.octets()));
  parcel.set_parcel_id(std::string(parcel_id.octets()));
  parcel.set_hop(1);
  parcel.mutable_envelope()->set_smtputf8(!text::IsAscii(reader.address));
  parcel.mutable_envelope()->set_body_8bit(!text::IsAscii(octets));
  parcel.add_recipients()->set_address(reader.address);
  parcel.mutable_recipients(0)->add_notify(mail::v1::Recipient::NOTIFY_NEVER);
  *parcel.mutable_content() = notice->content->ref();
  parcel.mutable_submitter()->set_kind(mail::v1::Submitter::KIND_SYSTEM);
  *parcel.mutable_accepted_at() = ToProto(now);
  parcel.set_subject(text.subject);
  parcel.set_system_mail(mail::v1::SYSTEM_MAIL_NOTICE);
  return notice;
}

Status Notifier::Publish(const Notice& notice, store::Tx& tx, stage::Outbox& outbox) {
  SEKISHO_RETURN_IF_ERROR(notice.content->Attach(tx));
  SEKISHO_RETURN_IF_ERROR(outbox.Publish(bus::Topic::kSealed, notice.key, notice.mail, notice.parcel));
  mail::v1::JournalEvent event;
  event.set_mail_id(notice.parcel.mail_id());
  event.set_parcel_id(notice.parcel.parcel_id());
  event.set_type("accepted");
  event.set_state(mail::v1::RECIPIENT_STATE_ACCEPTED);
  event.add_recipients(notice.parcel.recipients(0).address());
  event.set_subject(notice.parcel.subject());
  event.set_size(notice.parcel.content().size());
  event.set_content_sha256(notice.parcel.content().sha256());
  event.set_system_mail(mail::v1::SYSTEM_MAIL_NOTICE);
  event.set_detail("a notice about mail " + notice.about);
  return outbox.Journal(notice.key, std::move(event));
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
