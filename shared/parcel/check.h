#pragma once
// What was approved is what is sent: whether a parcel that reached a stage is one that policy judged, for these
// recipients and these octets, and came by the stages its judgement names. Pure. Any mismatch is kCorrupt, saying what
// disagrees: the record is parked and never sent.

#include <string_view>

#include "sekisho/mail/v1/mail.pb.h"
#include "shared/base/ids.h"
#include "shared/base/result.h"

namespace sekisho::parcel {

// What the record itself says, as the stage loop proved it.
struct Arrival {
  MailId mail;
  std::string_view source;           // the stage that handed it over
  std::string_view organization_id;  // ours
};

// That it is a whole parcel of the record's mail, whoever wrote it.
Status CheckIdentity(const mail::v1::Parcel& parcel, const Arrival& arrival);

// That it is what policy judged and that it is `here`'s turn. `judgement`: what OpenJudgement gave.
Status CheckJudged(const mail::v1::Parcel& parcel, const mail::v1::Judgement& judgement, const Arrival& arrival,
                   mail::v1::Stage here);

// The error of a parcel that is refused because of `what`.
Error Mismatch(std::string_view what);

// "approval": as topics and keys name it; empty for what is no stage between policy and delivery.
std::string_view StageName(mail::v1::Stage stage);

}  // namespace sekisho::parcel
