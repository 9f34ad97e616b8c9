#pragma once
// Passwords made for ZIPs, until their sender was told or nobody needs them: sealed under the mail's key.

#include <optional>
#include <string>

#include "shared/base/ids.h"
#include "shared/store/store.h"

namespace sekisho::encryption {

struct PasswordRow {
  MailId mail;
  ParcelId parcel;
  std::string sealed;  // encryption.v1.PendingPassword
  int64_t open = 0;    // recipients without an end
};

// Errors: kExists: the parcel has one.
Status PutPassword(store::Tx& tx, const PasswordRow& row);
Result<std::optional<PasswordRow>> FindPassword(store::Tx& tx, const ParcelId& parcel);
// False when it was forgotten before.
Result<bool> ForgetPassword(store::Tx& tx, const ParcelId& parcel);
// So many recipients fewer wait for it; with the last it is forgotten.
Status CountDown(store::Tx& tx, const ParcelId& parcel, int64_t ended);

}  // namespace sekisho::encryption
