#pragma once
// A parcel that comes to wait: how long it waits, and how it is split when a decision is about some of its recipients
// only. Pure.

#include <optional>
#include <string>
#include <vector>

#include "sekisho/mail/v1/mail.pb.h"
#include "services/approval/domain/state_table.h"
#include "shared/base/clock.h"
#include "shared/base/ids.h"
#include "shared/base/result.h"

namespace sekisho::approval {

// The stage after approval on a slip that parcel::CheckJudged accepted.
mail::v1::Stage NextStage(const mail::v1::Judgement& judgement);

struct Wait {
  State state = State::kError;
  TimePoint until{};  // goes then, if timed; expires then, if not
};
Wait WaitOf(const mail::v1::Treatment& treatment, TimePoint now, Duration default_expiry);

// The recipients of `wanted` (all when it is empty) as a parcel of their own, and what stays. When that is everybody,
// `chosen` is the parcel itself and nothing stays; else `chosen` is a child with the id `child`.
struct Split {
  mail::v1::Parcel chosen;
  std::optional<mail::v1::Parcel> rest;  // keeps the parcel's id
};
// Errors: kInvalid when one of `wanted` is no recipient of the parcel.
Result<Split> SplitParcel(const mail::v1::Parcel& parcel, const std::vector<std::string>& wanted,
                          const ParcelId& child);

// Those of `wanted` (all when it is empty) that the parcel has.
std::vector<std::string> RecipientsAmong(const mail::v1::Parcel& parcel, const std::vector<std::string>& wanted);

}  // namespace sekisho::approval
