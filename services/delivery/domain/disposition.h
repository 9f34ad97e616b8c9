#pragma once
// What a peer's answer, or its absence, means for a recipient: delivered, try later, or give it back. Pure.
// RFC 5321 §4.2 and §4.5.3.1, RFC 3463 (enhanced codes), RFC 7504 (521, 556), RFC 7505 (null MX).

#include <optional>
#include <string>
#include <string_view>

#include "shared/base/result.h"

namespace sekisho::delivery {

// Where in an attempt it was decided.
enum class Step {
  kRoute,  // finding the host: DNS
  kConnect,
  kGreeting,
  kHello,  // EHLO, HELO
  kTls,    // STARTTLS, the handshake, the peer's certificate
  kAuth,
  kMailFrom,
  kRecipient,
  kData,     // the reply to DATA
  kContent,  // sending it, up to the last dot
  kDot,      // the reply to it
};
std::string_view StepName(Step step);  // "connect"

struct Reply {
  int code = 0;          // 250
  std::string enhanced;  // "2.1.5"; empty when the peer gave none
  std::string text;      // lines joined by a space, without the codes
};

// Why a mail can't go to a peer although nothing was refused.
enum class Missing {
  kSmtpUtf8,    // RFC 6531 §3.5
  k8BitMime,    // RFC 6152 §3; octets over 127 and no conversion: what was approved is what is sent
  kRequireTls,  // RFC 8689 §4.2.1
};

struct Disposition {
  enum class Kind { kDelivered, kDefer, kBounce };
  Kind kind = Kind::kDefer;
  std::string status;      // RFC 3463: "5.1.1"; its class agrees with `kind`
  std::string text;        // for people and DSNs: the peer's words, or ours; one line, printable, ≤ 400 octets
  bool from_peer = false;  // `text` begins with the peer's code: "550 5.1.1 no such user"
  bool ambiguous = false;  // the peer may have taken it: the last dot was sent and no answer came
  bool at_once = false;    // deferred only since the peer takes fewer recipients at once: try the rest now
};

// The peer answered `reply` at `step`. A reply that doesn't belong there defers.
// `others_taken`: it took other recipients of this transaction (for 452 and 552 to RCPT, §4.5.3.1.10).
Disposition OfReply(Step step, const Reply& reply, bool others_taken);

// No answer: the connection, the handshake or the lookup failed with `error`.
Disposition OfFailure(Step step, const Error& error);

Disposition OfMissing(Missing missing);

// The mail goes round in circles.
Disposition OfLoop();

// SMTP has no way to carry these octets: a bare CR or LF, a NUL, a line over 998 octets.
Disposition OfUnsendable(const Error& error);

// Of the hosts that were tried, none did: what holds in the end. A host that may take the mail later outweighs one that
// never does.
const Disposition& Better(const Disposition& a, const Disposition& b);

// One line of printable text, at most `limit` octets, cut at a character's start; ill-formed UTF-8 and controls become
// "?".
std::string Printable(std::string_view text, size_t limit = 400);

// The same, shortened, with every word that may be an address taken out: for lists that show none.
std::string WithoutAddresses(std::string_view text);

}  // namespace sekisho::delivery
