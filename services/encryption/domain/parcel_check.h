#pragma once
// Whether a parcel that reached encryption is the one policy judged: signer, mail, recipients, content, order. Pure.

#include "sekisho/mail/v1/mail.pb.h"
#include "shared/base/result.h"

namespace sekisho::encryption {

// `judgement` was proved to be policy's by its MAC. `source`: the stage that handed the parcel over.
// Errors: kCorrupt, saying what disagrees.
Status CheckParcel(const mail::v1::Parcel& parcel, const mail::v1::Judgement& judgement, std::string_view source);

}  // namespace sekisho::encryption
