#include "services/approval/domain/parcel.h"

#include <algorithm>
#include <limits>
#include <set>

#include "shared/base/bytes.h"

namespace sekisho::approval {
namespace {

using mail::v1::Judgement;
using mail::v1::Parcel;

// A domain has no case; a local part may have (RFC 5321 §2.4).
std::string Comparable(std::string_view address) {
  const size_t at = std::min(address.rfind('@'), address.size());
  return std::string(address.substr(0, at)) + AsciiLower(address.substr(at));
}

std::set<std::string> Comparable(const std::vector<std::string>& addresses) {
  std::set<std::string> comparable;
  for (const std::string& address : addresses) comparable.insert(Comparable(address));
  return comparable;
}

Duration FromProto(const google::protobuf::Duration& duration) {
  // Within what a clock can hold, whatever a document says.
  constexpr int64_t kLongest = 100LL * 365 * 86400;
  const int64_t seconds = std::clamp<int64_t>(duration.seconds(), 0, kLongest);
  return std::chrono::seconds(seconds) + std::chrono::microseconds(std::max(0, duration.nanos() / 1000));
}

}  // namespace

mail::v1::Stage NextStage(const Judgement& judgement) { return static_cast<mail::v1::Stage>(judgement.slip(1)); }

Wait WaitOf(const mail::v1::Treatment& treatment, TimePoint now, Duration default_expiry) {
  Wait wait;
  wait.state = StateOf(treatment.hold());
  if (wait.state == State::kTimed) {
    wait.until = now + FromProto(treatment.hold_for());
  } else {
    const Duration expiry = FromProto(treatment.expire_after());
    wait.until = now + (expiry.count() > 0 ? expiry : default_expiry);
  }
  return wait;
}

Result<Split> SplitParcel(const Parcel& parcel, const std::vector<std::string>& wanted, const ParcelId& child) {
  std::set<std::string> missing = Comparable(wanted);
  Split split{parcel, parcel};
  split.chosen.clear_recipients();
  split.rest->clear_recipients();
  for (const auto& recipient : parcel.recipients()) {
    const bool chosen = wanted.empty() || missing.erase(Comparable(recipient.address())) > 0;
    *(chosen ? split.chosen : *split.rest).add_recipients() = recipient;
  }
  if (!missing.empty()) return MakeError(Code::kInvalid, "one of the recipients given is not one of this parcel's");
  if (split.rest->recipients().empty()) {
    split.rest.reset();
  } else {
    split.chosen.set_parent_parcel_id(parcel.parcel_id());
    split.chosen.set_parcel_id(std::string(child.octets()));
  }
  return split;
}

std::vector<std::string> RecipientsAmong(const Parcel& parcel, const std::vector<std::string>& wanted) {
  const std::set<std::string> comparable = Comparable(wanted);
  std::vector<std::string> found;
  for (const auto& recipient : parcel.recipients()) {
    if (wanted.empty() || comparable.contains(Comparable(recipient.address()))) found.push_back(recipient.address());
  }
  return found;
}

}  // namespace sekisho::approval
