#pragma once
// What was approved is what is sent: whether a parcel that reached delivery is one that policy judged, for these
// recipients and these octets, and came by the stages its judgement names. Pure; the judgement's MAC is the caller's to
// check. Any mismatch is kCorrupt: the record is parked and never sent.

#include <string_view>

#include "sekisho/mail/v1/mail.pb.h"
#include "shared/base/ids.h"
#include "shared/base/result.h"

namespace sekisho::delivery {

// What the record itself says, as the stage loop proved it.
struct Arrival {
  MailId mail;
  std::string_view source;           // the stage that handed it over
  std::string_view organization_id;  // ours
};

// For a parcel with a judgement: `judgement` is what its signed octets hold.
Status CheckParcel(const mail::v1::Parcel& parcel, const mail::v1::Judgement& judgement, const Arrival& arrival);

// For a parcel without one: mail that Sekisho itself wrote.
Status CheckSystemMail(const mail::v1::Parcel& parcel, const Arrival& arrival);

}  // namespace sekisho::delivery
