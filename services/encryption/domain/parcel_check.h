#pragma once
// Whether a parcel that reached encryption is the one policy judged: mail, sender, recipients, content, the slip's order. Pure.

#include "sekisho/mail/v1/mail.pb.h"
#include "shared/base/ids.h"
#include "shared/base/result.h"

namespace sekisho::encryption {

// What the record itself says, as the stage loop proved it.
struct Arrival {
  MailId mail;
  std::string_view source;           // the stage that handed it over
  std::string_view organization_id;  // ours
};

// `judgement` was proved to be policy's by its MAC. Errors: kCorrupt, saying what disagrees.
Status CheckParcel(const mail::v1::Parcel& parcel, const mail::v1::Judgement& judgement, const Arrival& arrival);

}  // namespace sekisho::encryption
