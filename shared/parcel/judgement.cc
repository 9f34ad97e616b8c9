#include "shared/parcel/judgement.h"

#include "shared/parcel/check.h"

namespace sekisho::parcel {

using mail::v1::Judgement;
using mail::v1::SignedJudgement;

namespace {

// Of policy of a later version: what it asks for and this one can't do must not be taken for done. An unknown class of
// hold is approval's to keep: for an officer.
Status CheckKnown(const mail::v1::Treatment& treatment) {
  const bool known = treatment.GetReflection()->GetUnknownFields(treatment).empty() &&
                     mail::v1::AttachmentSeal_IsValid(treatment.attachments());
  return known ? Ok() : Status(MakeError(Code::kUnsupported, "parcel refused: a later version asks for its treatment"));
}

}  // namespace

Result<SignedJudgement> SignJudgement(keys::KeyRing& keys, const Judgement& judgement) {
  SignedJudgement signed_judgement;
  signed_judgement.set_judgement(judgement.SerializeAsString());
  for (const int stage : judgement.slip()) {
    const std::string_view reader = StageName(static_cast<mail::v1::Stage>(stage));
    SEKISHO_CHECK(!reader.empty());
    SEKISHO_TRY((*signed_judgement.mutable_mac_by_stage())[stage],
                keys.EdgeMac(StageName(mail::v1::STAGE_POLICY), reader, signed_judgement.judgement()));
  }
  return signed_judgement;
}

Result<Judgement> OpenJudgement(keys::KeyRing& keys, const mail::v1::Parcel& parcel, mail::v1::Stage here) {
  const SignedJudgement& signed_judgement = parcel.judgement();
  const auto mac = signed_judgement.mac_by_stage().find(here);
  if (mac == signed_judgement.mac_by_stage().end()) return Mismatch("its judgement is not signed for this stage");
  SEKISHO_RETURN_IF_ERROR(
      keys.CheckEdgeMac(StageName(mail::v1::STAGE_POLICY), StageName(here), signed_judgement.judgement(), mac->second));
  Judgement judgement;
  if (!judgement.ParseFromString(signed_judgement.judgement())) return Mismatch("its judgement cannot be read");
  SEKISHO_RETURN_IF_ERROR(CheckKnown(judgement.treatment()));
  return judgement;
}

}  // namespace sekisho::parcel
