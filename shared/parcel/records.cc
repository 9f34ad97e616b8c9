#include "shared/parcel/records.h"

#include "shared/stage/proto_time.h"

namespace sekisho::parcel {

mail::v1::JournalEvent EventAbout(const mail::v1::Parcel& parcel) {
  mail::v1::JournalEvent event;
  event.set_mail_id(parcel.mail_id());
  event.set_parcel_id(parcel.parcel_id());
  for (const auto& recipient : parcel.recipients()) event.add_recipients(recipient.address());
  event.set_content_sha256(parcel.content().sha256());
  event.set_system_mail(parcel.system_mail());
  return event;
}

mail::v1::Outcome OutcomeAbout(const mail::v1::Parcel& parcel, mail::v1::RecipientState state, TimePoint at) {
  mail::v1::Outcome outcome;
  outcome.set_organization_id(parcel.organization_id());
  outcome.set_mail_id(parcel.mail_id());
  outcome.set_parcel_id(parcel.parcel_id());
  outcome.set_state(state);
  for (const auto& recipient : parcel.recipients()) outcome.add_recipients(recipient.address());
  *outcome.mutable_submitter() = parcel.submitter();
  outcome.set_mail_from(parcel.envelope().mail_from());
  *outcome.mutable_at() = ToProto(at);
  outcome.set_system_mail(parcel.system_mail());
  return outcome;
}

}  // namespace sekisho::parcel
