#pragma once
// The beginnings of what a stage tells the others about a parcel: what the parcel itself says. Pure.

#include "sekisho/mail/v1/mail.pb.h"
#include "shared/base/clock.h"

namespace sekisho::parcel {

// With its recipients and content; type, state and detail are the stage's.
mail::v1::JournalEvent EventAbout(const mail::v1::Parcel& parcel);

// That its recipients reached `state`; the detail is the stage's.
mail::v1::Outcome OutcomeAbout(const mail::v1::Parcel& parcel, mail::v1::RecipientState state, TimePoint at);

}  // namespace sekisho::parcel
