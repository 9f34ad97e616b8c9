#pragma once
// A waiting parcel between its row and its messages.

#include "sekisho/approval/v1/stored.pb.h"
#include "services/approval/adapters/tables.h"
#include "services/approval/domain/authority.h"
#include "shared/keys/keys.h"

namespace sekisho::approval {

// A row, opened.
struct Held {
  Row row;
  v1::StoredParcel stored;
  mail::v1::Judgement judgement;
  keys::MailKey key;

  const mail::v1::Parcel& parcel() const { return stored.parcel(); }
  Origin origin() const;
};

Result<std::string> SealStored(keys::KeyRing& keys, const keys::MailKey& key, const ParcelId& parcel,
                               const v1::StoredParcel& stored);
// Errors: kPrecondition when the row was decided: what it held is gone; kCorrupt; kNotFound when its key was destroyed.
Result<Held> OpenRow(keys::KeyRing& keys, Row row);

Origin OriginOf(const mail::v1::Parcel& parcel, std::vector<std::string> header_senders);

}  // namespace sekisho::approval
