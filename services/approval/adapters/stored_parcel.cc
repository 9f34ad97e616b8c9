#include "services/approval/adapters/stored_parcel.h"

namespace sekisho::approval {
namespace {

// What is sealed for one row opens in no other.
std::string ContextOf(const ParcelId& parcel) { return "approval.parcel:" + parcel.ToString(); }

}  // namespace

Origin OriginOf(const mail::v1::Parcel& parcel, std::vector<std::string> header_senders) {
  return {parcel.submitter().kind(), parcel.submitter().principal(), parcel.envelope().mail_from(),
          std::move(header_senders)};
}

Origin Held::origin() const {
  return OriginOf(parcel(), {stored.header_senders().begin(), stored.header_senders().end()});
}

Result<std::string> SealStored(keys::KeyRing& keys, const keys::MailKey& key, const ParcelId& parcel,
                               const v1::StoredParcel& stored) {
  return keys.Seal(key, ContextOf(parcel), stored.SerializeAsString());
}

Result<Held> OpenRow(keys::KeyRing& keys, Row row) {
  if (IsTerminal(row.state)) {
    return MakeError(Code::kPrecondition, "this was decided already: it is " + std::string(StateName(row.state)));
  }
  SEKISHO_TRY(keys::Opened opened, keys.Open(row.sealed, ContextOf(row.parcel)));
  Held held{std::move(row), {}, {}, std::move(opened.key)};
  if (!held.stored.ParseFromString(opened.plaintext) ||
      !held.judgement.ParseFromString(held.parcel().judgement().judgement()) || held.judgement.slip_size() < 2) {
    return MakeError(Code::kCorrupt, "a waiting parcel's row cannot be read");
  }
  return held;
}

}  // namespace sekisho::approval
