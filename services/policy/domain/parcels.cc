#include "services/policy/domain/parcels.h"

#include <algorithm>
#include <map>

namespace sekisho::policy {
namespace {

constexpr size_t kShown = 3;

// Distinct values in the order they came: "a, b, c (+4)".
class Listing {
 public:
  void Add(const std::string& value) {
    if (value.empty() || std::find(values_.begin(), values_.end(), value) != values_.end()) return;
    // What isn't shown is only counted; the newest of it stands for all, so that a run of one value counts once.
    if (values_.size() <= kShown) {
      values_.push_back(value);
    } else {
      values_.back() = value;
    }
    ++count_;
  }
  std::string Text() const {
    std::string text;
    for (size_t i = 0; i < std::min(values_.size(), kShown); ++i) text += (i == 0 ? "" : ", ") + values_[i];
    if (count_ > kShown) text += " (+" + std::to_string(count_ - kShown) + ")";
    return text;
  }

 private:
  std::vector<std::string> values_;
  size_t count_ = 0;
};

struct MergedCause {
  const RuleWords* words = nullptr;
  Listing places, evidence;
};

struct Group {
  PlannedParcel parcel;
  std::vector<MergedCause> causes;

  void Add(const Cause& cause) {
    auto found =
        std::find_if(causes.begin(), causes.end(), [&](const MergedCause& each) { return each.words == cause.words; });
    if (found == causes.end()) {
      causes.push_back({cause.words, {}, {}});
      found = causes.end() - 1;
    }
    for (const Finding& finding : cause.findings) {
      found->places.Add(finding.place);
      found->evidence.Add(finding.evidence);
    }
  }
};

mail::v1::Reason ReasonOf(const MergedCause& cause) {
  mail::v1::Reason reason;
  reason.set_rule_id(cause.words->id);
  reason.set_text_ja(cause.words->reason.ja());
  reason.set_text_en(cause.words->reason.en());
  reason.set_evidence(cause.evidence.Text());
  reason.set_place(cause.places.Text());
  reason.set_remedy_ja(cause.words->remedy.ja());
  reason.set_remedy_en(cause.words->remedy.en());
  return reason;
}

}  // namespace

std::vector<PlannedParcel> PlanParcels(const std::vector<RecipientDecision>& decisions) {
  std::vector<Group> groups;
  std::map<std::string, size_t> group_of;  // by the treatment's octets: a plain message without maps has one form
  for (const RecipientDecision& decision : decisions) {
    const auto [entry, is_new] = group_of.try_emplace(decision.treatment.SerializeAsString(), groups.size());
    if (is_new) groups.emplace_back().parcel.treatment = decision.treatment;
    Group& group = groups[entry->second];
    group.parcel.recipients.push_back(decision.recipient);
    for (const Cause& cause : decision.causes) group.Add(cause);
  }
  std::vector<PlannedParcel> parcels;
  for (Group& group : groups) {
    for (const MergedCause& cause : group.causes) group.parcel.reasons.push_back(ReasonOf(cause));
    parcels.push_back(std::move(group.parcel));
  }
  return parcels;
}

}  // namespace sekisho::policy
