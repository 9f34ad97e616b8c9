#pragma once
// Carries policy's judgement to the stages that act on it: an HMAC for each stage of its slip, under the key that only
// policy and that stage hold. Thread safe.

#include "sekisho/mail/v1/mail.pb.h"
#include "shared/base/result.h"
#include "shared/keys/keys.h"

namespace sekisho::parcel {

// As policy, for each stage of the slip. Errors: those of the key ring.
Result<mail::v1::SignedJudgement> SignJudgement(keys::KeyRing& keys, const mail::v1::Judgement& judgement);

// The judgement of `parcel`, proved to be policy's and meant for `here`. Errors: kCorrupt; kUnsupported when it asks
// for a treatment that this version does not know; those of the key ring.
Result<mail::v1::Judgement> OpenJudgement(keys::KeyRing& keys, const mail::v1::Parcel& parcel, mail::v1::Stage here);

}  // namespace sekisho::parcel
