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
  std::string sealed;
  int64_t open = 0;     // recipients without an end
  bool told = false;
};

Status PutPassword(store::Tx& tx, const PasswordRow& row);
Result<std::optional<PasswordRow>> FindPassword(store::Tx& tx, const ParcelId& parcel);
// So many recipients fewer; `told` once the sender has been. The row goes with the last recipient.
Status UpdatePassword(store::Tx& tx, const ParcelId& parcel, int64_t ended, bool told);

}  // namespace sekisho::encryption
