#include "services/encryption/domain/parcel_check.h"

#include <algorithm>

namespace sekisho::encryption {
namespace {

std::string_view NameOf(int stage) {
  switch (stage) {
    case mail::v1::STAGE_APPROVAL: return "approval";
    case mail::v1::STAGE_ENCRYPTION: return "encryption";
    default: return "policy";
  }
}

}  // namespace

Status CheckParcel(const mail::v1::Parcel& parcel, const mail::v1::Judgement& judgement, std::string_view source) {
  const auto differs = [](const char* what) { return MakeError(Code::kCorrupt, std::string("the parcel's ") + what + " is not what was judged"); };
  if (parcel.mail_id() != judgement.mail_id() || parcel.organization_id() != judgement.organization_id()) return differs("mail");
  if (parcel.envelope().mail_from() != judgement.mail_from()) return differs("sender");
  if (parcel.content().sha256() != judgement.d1_sha256()) return differs("content");
  if (parcel.has_seal()) return MakeError(Code::kCorrupt, "the parcel is sealed already");
  if (parcel.recipients().empty()) return MakeError(Code::kCorrupt, "the parcel has no recipients");
  const auto& judged = judgement.recipients();
  for (const auto& recipient : parcel.recipients()) {
    if (std::find(judged.begin(), judged.end(), recipient.address()) == judged.end()) return differs("recipient");
  }
  // The slip's order: who handed it over stands right before us.
  const auto& slip = judgement.slip();
  const auto here = std::find(slip.begin(), slip.end(), static_cast<int>(mail::v1::STAGE_ENCRYPTION));
  if (here == slip.end()) return MakeError(Code::kCorrupt, "encryption is not on the parcel's slip");
  const std::string_view before = here == slip.begin() ? "policy" : NameOf(*(here - 1));
  if (before != source) return MakeError(Code::kCorrupt, "the parcel comes from a stage that is not before this one on its slip");
  return Ok();
}

}  // namespace sekisho::encryption
