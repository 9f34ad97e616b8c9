#pragma once
// Seals one mail for one parcel: its attachments into an encrypted ZIP, then a signature, then encryption (D1 → D2).
// Pure but for random octets and the time it is given; safe for concurrent use.
//
// A mail that its sender signed or encrypted is never changed. Encrypted mail is signed too whenever there is a key for
// it. What cannot be sealed as asked is refused, never sealed less. D2 is handed on in pieces and never whole in memory
// after S/MIME.

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sekisho/mail/v1/mail.pb.h"
#include "shared/base/clock.h"
#include "shared/base/function_ref.h"
#include "shared/base/result.h"
#include "shared/base/secret.h"
#include "shared/crypto/cms.h"
#include "shared/crypto/x509.h"
#include "shared/mime/model.h"

namespace sekisho::encryption {

inline constexpr std::string_view kZipName = "attachments.zip";

// Agreed with every recipient of the parcel beforehand.
struct AgreedPassword {
  std::string id;
  Secret<std::string> password;
};

struct SealRequest {
  std::string_view mail;  // D1
  mime::Limits limits;    // those that D1 was judged under
  mail::v1::Treatment treatment;
  // For smime_encrypt: one for each recipient, in order: its checked certificate, or why there is none.
  std::vector<Result<crypto::Certificate>> certificates;
  const crypto::CmsSigner* signer = nullptr;  // the user's or the organisation's; null: none
  std::optional<AgreedPassword> agreed;       // for the ZIP; otherwise a password is made
  bool sender_can_be_told = true;             // false for the null sender: who would pass a made password on?
  TimePoint now{};
};

struct Sealed {
  std::string rung;                             // "zip-aes256", "smime-sign", "smime-sign+encrypt", joined by ", "
  bool unchanged = false;                       // nothing to seal: D2 is D1, the rung "none", and nothing was written
  std::vector<std::string> key_ids;             // certificate fingerprints, "agreed-password:<id>"
  std::optional<Secret<std::string>> password;  // made for the ZIP: to be told to the sender
};

// Why a mail cannot be sealed as asked, now or by trying again: what its sender is told.
struct Refusal {
  std::string_view cause;  // "no_certificate": a stable word for metrics
  std::string en, ja;      // reason and remedy; no address
  struct Lacking {
    size_t recipient;  // place in the parcel, from 0
    std::string why;   // in English
  };
  std::vector<Lacking> lacking;  // recipients without a usable certificate
};

using D2Sink = FunctionRef<Status(std::string_view)>;

// Gives D2 to `d2`; after a refusal or an error what it got is worthless.
// Errors: those of `d2`; kUnsupported for a treatment this version doesn't know; kInternal.
Result<std::variant<Sealed, Refusal>> Seal(const SealRequest& request, D2Sink d2);

}  // namespace sekisho::encryption
