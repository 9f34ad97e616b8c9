#include "services/encryption/adapters/system_mail.h"

#include "shared/stage/proto_time.h"
#include "shared/text/utf8.h"

namespace sekisho::encryption {

Status SystemMail::Send(store::Tx& tx, stage::Outbox& outbox) const {
  SEKISHO_RETURN_IF_ERROR(staged->Attach(tx));
  SEKISHO_RETURN_IF_ERROR(outbox.Publish(bus::Topic::kSealed, key, id, parcel));
  return outbox.Journal(key, event);
}

Result<SystemMail> MakeSystemMail(const stage::Surroundings& around, content::Store& content, const MailId& id,
                                  mail::v1::SystemMail kind, const std::string& octets, const std::string& to,
                                  const std::string& subject, const MailId& about) {
  const TimePoint now = around.clock.Now();
  SEKISHO_TRY(keys::MailKey key, around.keys.NewMailKey(now));
  const auto writer = content.Create(key, id, "d0");
  SEKISHO_RETURN_IF_ERROR(writer->Append(octets));
  SEKISHO_TRY(std::shared_ptr<content::Staged> staged, writer->Finish());
  SystemMail mail{id, std::move(key), std::move(staged), {}, {}};
  mail::v1::Parcel& parcel = mail.parcel;
  parcel.set_organization_id(around.organization_id);
  parcel.set_mail_id(std::string(id.octets()));
  parcel.set_parcel_id(std::string(ParcelId::Generate(now).octets()));
  parcel.set_hop(1);
  parcel.mutable_envelope()->set_smtputf8(!text::IsAscii(octets));  // only an internationalised address makes it so
  mail::v1::Recipient& recipient = *parcel.add_recipients();
  recipient.set_address(to);
  recipient.add_notify(mail::v1::Recipient::NOTIFY_NEVER);  // nobody would get the report
  *parcel.mutable_content() = mail.staged->ref();
  parcel.mutable_submitter()->set_kind(mail::v1::Submitter::KIND_SYSTEM);
  *parcel.mutable_accepted_at() = ToProto(now);
  parcel.set_subject(subject);
  parcel.set_system_mail(kind);
  mail::v1::JournalEvent& event = mail.event;
  event.set_mail_id(parcel.mail_id());
  event.set_parcel_id(parcel.parcel_id());
  event.set_type("accepted");
  event.set_state(mail::v1::RECIPIENT_STATE_ACCEPTED);
  event.add_recipients(to);
  *event.mutable_at() = ToProto(now);
  event.set_detail((kind == mail::v1::SYSTEM_MAIL_PASSWORD ? "password of mail " : "notice about mail ") + about.ToString());
  event.set_content_sha256(parcel.content().sha256());
  event.set_subject(subject);
  event.set_size(parcel.content().size());
  event.set_system_mail(kind);
  return mail;
}

}  // namespace sekisho::encryption
