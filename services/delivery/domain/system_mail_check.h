#pragma once
// Mail that Sekisho itself wrote was not judged: it reaches delivery straight from its writer. Pure.

#include "shared/parcel/check.h"

namespace sekisho::delivery {

// For a parcel without a judgement. Any mismatch is kCorrupt: the record is parked and never sent.
Status CheckSystemMail(const mail::v1::Parcel& parcel, const parcel::Arrival& arrival);

}  // namespace sekisho::delivery
