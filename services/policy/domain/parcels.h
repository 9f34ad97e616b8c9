#pragma once
// From decisions about recipients to parcels: recipients that get the same treatment go on together, with the reasons
// of all of them. Pure.

#include <string>
#include <vector>

#include "services/policy/domain/evaluator.h"

namespace sekisho::policy {

struct PlannedParcel {
  Treatment treatment;
  std::vector<uint32_t> recipients;       // indexes, ascending
  std::vector<mail::v1::Reason> reasons;  // one for each rule, evidence and places of all recipients merged, shortened
};

// In order of their first recipient. Reasons that concern a block only are on the blocked parcel, and so on.
std::vector<PlannedParcel> PlanParcels(const std::vector<RecipientDecision>& decisions);

}  // namespace sekisho::policy
