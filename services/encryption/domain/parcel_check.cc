#include "services/encryption/domain/parcel_check.h"

#include <algorithm>
#include <string>

namespace sekisho::encryption {
namespace {

Error Refused(const char* what) { return MakeError(Code::kCorrupt, std::string("parcel refused: ") + what); }

// Policy hands over with hop 1, each stage adds one; delivery comes right behind us.
Status CheckSlip(const mail::v1::Parcel& parcel, const mail::v1::Judgement& judgement, std::string_view source) {
  const auto& slip = judgement.slip();
  const auto here = std::find(slip.begin(), slip.end(), static_cast<int>(mail::v1::STAGE_ENCRYPTION));
  if (here == slip.end()) return Refused("encryption is not on its slip");
  if (slip.end() - here != 2 || *(here + 1) != mail::v1::STAGE_DELIVERY) return Refused("its slip does not go on to delivery");
  const auto place = here - slip.begin();
  const bool approved = place == 1 && slip[0] == mail::v1::STAGE_APPROVAL;
  if (place > 0 && !approved) return Refused("its slip is out of order");
  if (source != (approved ? "approval" : "policy")) return Refused("it skipped a stage of its slip");
  if (parcel.hop() != static_cast<uint32_t>(place + 1)) return Refused("its hop number is stale");
  return Ok();
}

}  // namespace

Status CheckParcel(const mail::v1::Parcel& parcel, const mail::v1::Judgement& judgement, const Arrival& arrival) {
  if (parcel.organization_id() != arrival.organization_id) return Refused("another organisation's");
  if (parcel.mail_id() != arrival.mail.octets()) return Refused("its mail id is not its record's");
  if (!ParcelId::FromOctets(parcel.parcel_id()).ok()) return Refused("it has no id");
  if (parcel.system_mail() != mail::v1::SYSTEM_MAIL_UNSPECIFIED) return Refused("system mail is never sealed");
  if (parcel.has_seal()) return Refused("it is sealed already");
  if (parcel.recipients().empty()) return Refused("it has no recipients");
  if (judgement.mail_id() != parcel.mail_id() || judgement.organization_id() != parcel.organization_id()) {
    return Refused("its judgement is another mail's");
  }
  if (judgement.mail_from() != parcel.envelope().mail_from()) return Refused("its sender is not the judged one");
  if (judgement.d1_sha256().empty() || judgement.d1_sha256() != parcel.content().sha256()) {
    return Refused("its content is not what was judged");
  }
  if (judgement.treatment().block()) return Refused("it was blocked");
  const auto& judged = judgement.recipients();
  for (const auto& recipient : parcel.recipients()) {
    if (std::find(judged.begin(), judged.end(), recipient.address()) == judged.end()) return Refused("a recipient was not judged");
  }
  return CheckSlip(parcel, judgement, arrival.source);
}

}  // namespace sekisho::encryption
