#include "services/delivery/domain/system_mail_check.h"

#include <set>
#include <utility>

namespace sekisho::delivery {

Status CheckSystemMail(const mail::v1::Parcel& parcel, const parcel::Arrival& arrival) {
  SEKISHO_RETURN_IF_ERROR(parcel::CheckIdentity(parcel, arrival));
  if (!parcel.envelope().mail_from().empty()) return parcel::Mismatch("system mail has a sender");
  using mail::v1::SystemMail;
  static const std::set<std::pair<SystemMail, std::string_view>> kWriters = {
      {mail::v1::SYSTEM_MAIL_NOTICE, "policy"},       {mail::v1::SYSTEM_MAIL_NOTICE, "approval"},
      {mail::v1::SYSTEM_MAIL_NOTICE, "encryption"},   {mail::v1::SYSTEM_MAIL_DSN, "delivery"},
      {mail::v1::SYSTEM_MAIL_PASSWORD, "encryption"},
  };
  if (!kWriters.contains({parcel.system_mail(), arrival.source}))
    return parcel::Mismatch("this stage may not write such system mail");
  if (parcel.has_seal()) return parcel::Mismatch("system mail is not sealed");
  return Ok();
}

}  // namespace sekisho::delivery
