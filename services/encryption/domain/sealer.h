#pragma once
// Seals one mail for one parcel: its attachments into an encrypted ZIP, then a signature, then encryption (D1 → D2). Pure but for random
// octets and the time it is given; safe for concurrent use.
//
// A mail that its sender signed or encrypted is never changed (kPrecondition). Encrypted mail is signed too whenever there is a key
// for it. What cannot be sealed as asked is an error, never a mail that is sealed less.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sekisho/mail/v1/mail.pb.h"
#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "shared/base/secret.h"
#include "shared/crypto/cms.h"
#include "shared/crypto/x509.h"

namespace sekisho::encryption {

struct SealRequest {
  std::string_view mail;                            // D1
  mail::v1::Treatment treatment;
  std::vector<crypto::Certificate> certificates;    // of every recipient, checked; needed for smime_encrypt
  const crypto::CmsSigner* signer = nullptr;        // the user's or the organisation's; null: none
  std::optional<Secret<std::string>> agreed_password;  // for the ZIP; otherwise one is made
  std::string agreed_password_id;
  TimePoint now{};
};

struct Sealed {
  std::string mail;                                 // D2
  std::string rung;                                 // "zip-aes256", "smime-sign", "smime-sign+encrypt", joined by ", "; "none"
  std::vector<std::string> key_ids;                 // certificate fingerprints, "agreed-password:<id>"
  std::optional<Secret<std::string>> password;      // made for the ZIP: to be told to the sender
};

// Errors: kPrecondition (sealed by its sender, no signing key, no certificate), kMalformed, kLimit.
Result<Sealed> Seal(const SealRequest& request);

inline constexpr std::string_view kZipName = "attachments.zip";

}  // namespace sekisho::encryption
