#include "services/encryption/adapters/password_table.h"

namespace sekisho::encryption {

using store::Octets;
using store::Statement;

Status PutPassword(store::Tx& tx, const PasswordRow& row) {
  static const Statement kPut("INSERT INTO {encryption.password} (mail, parcel, sealed, open) VALUES ($1, $2, $3, $4)");
  SEKISHO_RETURN_IF_ERROR(
      tx.Execute(kPut, {Octets{row.mail.octets()}, Octets{row.parcel.octets()}, Octets{row.sealed}, row.open}));
  return Ok();
}

Result<std::optional<PasswordRow>> FindPassword(store::Tx& tx, const ParcelId& parcel) {
  static const Statement kFind("SELECT mail, sealed, open FROM {encryption.password} WHERE parcel = $1");
  std::optional<PasswordRow> found;
  SEKISHO_RETURN_IF_ERROR(tx.Query(kFind, {Octets{parcel.octets()}}, [&](const store::Row& row) -> Status {
    PasswordRow one;
    SEKISHO_TRY(one.mail, MailId::FromOctets(row.Blob(0)));
    one.parcel = parcel;
    one.sealed = row.Blob(1);
    one.open = row.Int(2);
    found = std::move(one);
    return Ok();
  }));
  return found;
}

Result<bool> ForgetPassword(store::Tx& tx, const ParcelId& parcel) {
  static const Statement kForget("DELETE FROM {encryption.password} WHERE parcel = $1");
  SEKISHO_TRY(const int64_t forgotten, tx.Execute(kForget, {Octets{parcel.octets()}}));
  return forgotten == 1;
}

Status CountDown(store::Tx& tx, const ParcelId& parcel, int64_t ended) {
  static const Statement kCount("UPDATE {encryption.password} SET open = open - $2 WHERE parcel = $1");
  static const Statement kDelete("DELETE FROM {encryption.password} WHERE parcel = $1 AND open <= 0");
  SEKISHO_RETURN_IF_ERROR(tx.Execute(kCount, {Octets{parcel.octets()}, ended}));
  SEKISHO_RETURN_IF_ERROR(tx.Execute(kDelete, {Octets{parcel.octets()}}));
  return Ok();
}

}  // namespace sekisho::encryption
