#pragma once
// Delivery status notifications: who is told what became of a mail, and the mail that says so (RFC 3461 §5, RFC 3464,
// RFC 6522; RFC 6533 where an address isn't ASCII). In Japanese and English, the sender's language first. Pure.

#include <string>
#include <string_view>
#include <vector>

#include "sekisho/mail/v1/mail.pb.h"
#include "services/delivery/domain/disposition.h"
#include "shared/base/clock.h"
#include "shared/notice/body.h"
#include "shared/notice/letter.h"

namespace sekisho::delivery {

enum class DsnAction { kFailed, kDelayed, kRelayed };  // "delivered" is said by the host that delivers

// Whether the sender of `envelope` is told this about `recipient`. Nobody is told about mail with the null sender.
// kRelayed: asked for by NOTIFY=SUCCESS, and said only when the next host can't say more.
bool WantsDsn(const mail::v1::Envelope& envelope, const mail::v1::Recipient& recipient, DsnAction action);

struct DsnRecipient {
  const mail::v1::Recipient* recipient = nullptr;
  std::string status;       // "5.1.1"
  std::string diagnostic;   // what the peer or we said
  bool from_peer = false;   // the diagnostic is an SMTP reply
  std::string remote_host;  // who said it; may be empty
};

struct Dsn {
  DsnAction action = DsnAction::kFailed;
  std::vector<DsnRecipient> recipients;  // those of one parcel; nobody else is named
  const mail::v1::Envelope* envelope = nullptr;
  notice::Language language = notice::Language::kJapanese;  // the sender's
  std::string_view subject;                                 // of the mail, UTF-8
  std::string_view mail_id;                                 // of the mail
  std::string_view original;                                // the mail as it was sent, or at least its header section
  TimePoint arrived_at, attempted_at;
  TimePoint retry_until;  // kDelayed

  std::string_view hostname;  // ours
};

// A notice returns the mail whole only when asked to (RET=FULL), when it is plain ASCII and at most this long; else its
// header section.
inline constexpr size_t kMaxReturned = 1024 * 1024;

notice::Letter WriteDsn(const Dsn& dsn);

}  // namespace sekisho::delivery
