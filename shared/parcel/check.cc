#include "shared/parcel/check.h"

#include <algorithm>
#include <set>
#include <string>

namespace sekisho::parcel {
namespace {

using mail::v1::Judgement;
using mail::v1::Parcel;

constexpr size_t kSha256Octets = 32;

// The slip names the stages after policy in order and ends with delivery; the parcel comes from the one before.
Status CheckSlip(const Judgement& judgement, const Parcel& parcel, std::string_view source, mail::v1::Stage here) {
  const auto& slip = judgement.slip();
  if (slip.empty() || slip[slip.size() - 1] != mail::v1::STAGE_DELIVERY)
    return Mismatch("its slip does not end with delivery");
  for (int i = 0; i < slip.size(); ++i) {
    const bool known = slip[i] == mail::v1::STAGE_APPROVAL || slip[i] == mail::v1::STAGE_ENCRYPTION ||
                       slip[i] == mail::v1::STAGE_DELIVERY;
    if (!known || (i > 0 && slip[i] <= slip[i - 1])) return Mismatch("its slip is out of order");
  }
  const auto turn = std::find(slip.begin(), slip.end(), static_cast<int>(here));
  if (turn == slip.end()) return Mismatch("this stage is not on its slip");
  const auto before = turn == slip.begin() ? mail::v1::STAGE_POLICY : static_cast<mail::v1::Stage>(*(turn - 1));
  if (source != StageName(before)) return Mismatch("it skipped a stage of its slip");
  // Policy hands over with hop 1; each stage adds one.
  if (parcel.hop() != static_cast<uint32_t>(turn - slip.begin() + 1)) return Mismatch("its hop number is stale");
  return Ok();
}

Status CheckContent(const Judgement& judgement, const Parcel& parcel, mail::v1::Stage here) {
  const auto& slip = judgement.slip();
  const bool sealed = here > mail::v1::STAGE_ENCRYPTION &&
                      std::find(slip.begin(), slip.end(), static_cast<int>(mail::v1::STAGE_ENCRYPTION)) != slip.end();
  if (sealed != parcel.has_seal())
    return Mismatch(sealed ? "it was to be sealed and is not" : "it was sealed and was not to be");
  const std::string& d1 = judgement.d1_sha256();
  if (d1.size() != kSha256Octets) return Mismatch("its judgement names no content");
  if (!sealed) return parcel.content().sha256() == d1 ? Ok() : Status(Mismatch("its content is not what was judged"));
  if (parcel.seal().d1_sha256() != d1) return Mismatch("what was sealed is not what was judged");
  if (parcel.seal().d2_sha256() != parcel.content().sha256()) return Mismatch("its content is not what was sealed");
  return Ok();
}

}  // namespace

Error Mismatch(std::string_view what) { return MakeError(Code::kCorrupt, "parcel refused: " + std::string(what)); }

std::string_view StageName(mail::v1::Stage stage) {
  switch (stage) {
    case mail::v1::STAGE_POLICY:
      return "policy";
    case mail::v1::STAGE_APPROVAL:
      return "approval";
    case mail::v1::STAGE_ENCRYPTION:
      return "encryption";
    case mail::v1::STAGE_DELIVERY:
      return "delivery";
    default:
      return "";
  }
}

Status CheckIdentity(const Parcel& parcel, const Arrival& arrival) {
  if (parcel.organization_id() != arrival.organization_id) return Mismatch("another organisation's");
  if (parcel.mail_id() != arrival.mail.octets()) return Mismatch("its mail id is not its record's");
  if (!ParcelId::FromOctets(parcel.parcel_id()).ok()) return Mismatch("it has no id");
  if (parcel.recipients().empty()) return Mismatch("it has no recipients");
  if (parcel.content().sha256().size() != kSha256Octets || parcel.content().key().empty())
    return Mismatch("it names no content");
  std::set<std::string_view> addresses;
  for (const auto& recipient : parcel.recipients()) {
    if (recipient.address().empty() || !addresses.insert(recipient.address()).second) {
      return Mismatch("a recipient is empty or given twice");
    }
  }
  return Ok();
}

Status CheckJudged(const Parcel& parcel, const Judgement& judgement, const Arrival& arrival, mail::v1::Stage here) {
  SEKISHO_RETURN_IF_ERROR(CheckIdentity(parcel, arrival));
  if (parcel.system_mail() != mail::v1::SYSTEM_MAIL_UNSPECIFIED) return Mismatch("system mail is never judged");
  if (judgement.organization_id() != parcel.organization_id() || judgement.mail_id() != parcel.mail_id()) {
    return Mismatch("its judgement is another mail's");
  }
  if (judgement.mail_from() != parcel.envelope().mail_from()) return Mismatch("its sender is not the judged one");
  if (judgement.treatment().block()) return Mismatch("it was blocked");
  const std::set<std::string_view> judged(judgement.recipients().begin(), judgement.recipients().end());
  for (const auto& recipient : parcel.recipients()) {
    if (!judged.contains(recipient.address())) return Mismatch("a recipient was not judged");
  }
  SEKISHO_RETURN_IF_ERROR(CheckSlip(judgement, parcel, arrival.source, here));
  return CheckContent(judgement, parcel, here);
}

}  // namespace sekisho::parcel
