#pragma once
// What delivery puts before a mail: the Received field of its acceptance (RFC 5321 §4.4) and a stamp of ours, by which
// a mail that comes back again and again is known. Pure.

#include <string>
#include <string_view>

#include "sekisho/mail/v1/mail.pb.h"
#include "shared/base/clock.h"

namespace sekisho::delivery {

inline constexpr size_t kMaxReceived = 50;
// A mail may pass us more than once for good reason: to a list server inside, and from there to the list's members.
inline constexpr size_t kMaxStamps = 4;

struct Trace {
  std::string_view hostname;  // ours
  std::string_view stamp;     // of this organisation: tells our stamps from others'
  std::string_view mail_id;
  const mail::v1::Submitter* submitter = nullptr;
  TimePoint accepted_at;
  std::string_view only_recipient;  // in `for`; empty when the transaction has several (it would tell one of another)
};

// The fields, folded, each ended by CRLF; ASCII. What the client said of itself is quoted only as far as it is a host
// name.
std::string TraceFields(const Trace& trace);

struct Hops {
  size_t received = 0;
  size_t stamps = 0;  // of `stamp`
};
// Counts in the header section of `message`, which ends at the first empty line.
Hops CountHops(std::string_view message, std::string_view stamp);

bool IsLoop(const Hops& hops);

}  // namespace sekisho::delivery
