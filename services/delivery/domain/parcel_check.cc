#include "services/delivery/domain/parcel_check.h"

#include <algorithm>
#include <set>
#include <string>
#include <tuple>

namespace sekisho::delivery {
namespace {

using mail::v1::Judgement;
using mail::v1::Parcel;

Error Mismatch(const char* what) { return MakeError(Code::kCorrupt, std::string("parcel refused: ") + what); }

std::string_view SourceName(mail::v1::Stage stage) {
  switch (stage) {
    case mail::v1::STAGE_POLICY:
      return "policy";
    case mail::v1::STAGE_APPROVAL:
      return "approval";
    case mail::v1::STAGE_ENCRYPTION:
      return "encryption";
    default:
      return "";
  }
}

Status CheckIdentity(const Parcel& parcel, const Arrival& arrival) {
  if (parcel.organization_id() != arrival.organization_id) return Mismatch("another organisation's");
  if (parcel.mail_id() != arrival.mail.octets()) return Mismatch("its mail id is not its record's");
  if (!ParcelId::FromOctets(parcel.parcel_id()).ok()) return Mismatch("it has no id");
  if (parcel.recipients().empty()) return Mismatch("it has no recipients");
  if (parcel.content().sha256().size() != 32 || parcel.content().key().empty()) return Mismatch("it names no content");
  std::set<std::string_view> addresses;
  for (const auto& recipient : parcel.recipients()) {
    if (recipient.address().empty() || !addresses.insert(recipient.address()).second) {
      return Mismatch("a recipient is empty or given twice");
    }
  }
  return Ok();
}

// The slip names the stages after policy in order and ends with delivery; the parcel comes from the one before.
Status CheckSlip(const Judgement& judgement, const Parcel& parcel, std::string_view source) {
  const auto& slip = judgement.slip();
  if (slip.empty() || slip[slip.size() - 1] != mail::v1::STAGE_DELIVERY)
    return Mismatch("its slip does not end with delivery");
  for (int i = 0; i < slip.size(); ++i) {
    const bool known = slip[i] == mail::v1::STAGE_APPROVAL || slip[i] == mail::v1::STAGE_ENCRYPTION ||
                       slip[i] == mail::v1::STAGE_DELIVERY;
    if (!known || (i > 0 && slip[i] <= slip[i - 1])) return Mismatch("its slip is out of order");
  }
  const auto before = slip.size() > 1 ? static_cast<mail::v1::Stage>(slip[slip.size() - 2]) : mail::v1::STAGE_POLICY;
  if (source != SourceName(before)) return Mismatch("it skipped a stage of its slip");
  // Policy hands over with hop 1; each stage adds one.
  if (parcel.hop() != static_cast<uint32_t>(slip.size())) return Mismatch("its hop number is stale");
  return Ok();
}

Status CheckContent(const Judgement& judgement, const Parcel& parcel) {
  const auto& slip = judgement.slip();
  const bool sealed = std::find(slip.begin(), slip.end(), mail::v1::STAGE_ENCRYPTION) != slip.end();
  if (sealed != parcel.has_seal())
    return Mismatch(sealed ? "it was to be sealed and is not" : "it was sealed and was not to be");
  const std::string& d1 = judgement.d1_sha256();
  if (d1.size() != 32) return Mismatch("its judgement names no content");
  if (!sealed) return parcel.content().sha256() == d1 ? Ok() : Status(Mismatch("its content is not what was judged"));
  if (parcel.seal().d1_sha256() != d1) return Mismatch("what was sealed is not what was judged");
  if (parcel.seal().d2_sha256() != parcel.content().sha256()) return Mismatch("its content is not what was sealed");
  return Ok();
}

}  // namespace

Status CheckParcel(const Parcel& parcel, const Judgement& judgement, const Arrival& arrival) {
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
  SEKISHO_RETURN_IF_ERROR(CheckSlip(judgement, parcel, arrival.source));
  return CheckContent(judgement, parcel);
}

Status CheckSystemMail(const Parcel& parcel, const Arrival& arrival) {
  SEKISHO_RETURN_IF_ERROR(CheckIdentity(parcel, arrival));
  if (!parcel.envelope().mail_from().empty()) return Mismatch("system mail has a sender");
  using mail::v1::SystemMail;
  static const std::set<std::pair<SystemMail, std::string_view>> kWriters = {
      {mail::v1::SYSTEM_MAIL_NOTICE, "policy"},       {mail::v1::SYSTEM_MAIL_NOTICE, "approval"},
      {mail::v1::SYSTEM_MAIL_NOTICE, "encryption"},   {mail::v1::SYSTEM_MAIL_DSN, "delivery"},
      {mail::v1::SYSTEM_MAIL_PASSWORD, "encryption"},
  };
  if (!kWriters.contains({parcel.system_mail(), arrival.source}))
    return Mismatch("this stage may not write such system mail");
  if (parcel.has_seal()) return Mismatch("system mail is not sealed");
  return Ok();
}

}  // namespace sekisho::delivery
