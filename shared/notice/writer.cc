#include "shared/notice/writer.h"

#include "shared/parcel/records.h"
#include "shared/stage/proto_time.h"
#include "shared/text/utf8.h"

namespace sekisho::notice {
namespace {

std::string_view KindName(mail::v1::SystemMail kind) {
  switch (kind) {
    case mail::v1::SYSTEM_MAIL_DSN:
      return "delivery notice";
    case mail::v1::SYSTEM_MAIL_PASSWORD:
      return "password";
    default:
      return "notice";
  }
}

mail::v1::JournalEvent AcceptedEvent(const mail::v1::Parcel& parcel, const MailId& about) {
  mail::v1::JournalEvent event = parcel::EventAbout(parcel);
  event.set_type("accepted");
  event.set_state(mail::v1::RECIPIENT_STATE_ACCEPTED);
  *event.mutable_at() = parcel.accepted_at();
  event.set_detail(std::string(KindName(parcel.system_mail())) + " about mail " + about.ToString());
  event.set_subject(parcel.subject());
  event.set_size(parcel.content().size());
  return event;
}

}  // namespace

Status SystemMail::Publish(store::Tx& tx, stage::Outbox& outbox) const {
  SEKISHO_RETURN_IF_ERROR(content->Attach(tx));
  SEKISHO_RETURN_IF_ERROR(outbox.Publish(bus::Topic::kSealed, key, id, parcel));
  return outbox.Journal(key, accepted);
}

Result<SystemMail> Writer::Write(const Letter& letter, const MailId& about) const {
  const TimePoint now = around_.clock.Now();
  const MailId id = MailId::Generate(now);
  SEKISHO_TRY(const std::string octets,
              Compose(letter, {options_.from, "<" + id.ToString() + "@" + options_.hostname + ">", now}));
  SEKISHO_TRY(keys::MailKey key, around_.keys.NewMailKey(now));
  const auto writer = content_.Create(key, id, "d0");
  SEKISHO_RETURN_IF_ERROR(writer->Append(octets));
  SEKISHO_TRY(std::shared_ptr<content::Staged> staged, writer->Finish());

  SystemMail mail{id, std::move(key), std::move(staged), {}, {}};
  mail::v1::Parcel& parcel = mail.parcel;
  parcel.set_organization_id(around_.organization_id);
  parcel.set_mail_id(std::string(id.octets()));
  parcel.set_parcel_id(std::string(ParcelId::Generate(now).octets()));
  parcel.set_hop(1);
  // Only an internationalised address puts UTF-8 into the header; only a returned mail puts other octets into the body.
  parcel.mutable_envelope()->set_smtputf8(!text::IsAscii(letter.to) || !text::IsAscii(options_.from));
  parcel.mutable_envelope()->set_body_8bit(!text::IsAscii(octets));
  parcel.add_recipients()->set_address(letter.to);
  parcel.mutable_recipients(0)->add_notify(mail::v1::Recipient::NOTIFY_NEVER);  // nobody would get the report
  *parcel.mutable_content() = mail.content->ref();
  parcel.mutable_submitter()->set_kind(mail::v1::Submitter::KIND_SYSTEM);
  *parcel.mutable_accepted_at() = ToProto(now);
  parcel.set_subject(letter.subject);
  parcel.set_system_mail(letter.kind);
  mail.accepted = AcceptedEvent(parcel, about);
  return mail;
}

Writer::Options OptionsOf(const config::v1::Organization& organization) {
  return {organization.hostname(), "postmaster@" + organization.domains(0),
          LanguageOf(organization.default_language(), Language::kJapanese)};
}

}  // namespace sekisho::notice
