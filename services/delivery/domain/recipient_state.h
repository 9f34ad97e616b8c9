#pragma once
// What may become of one recipient in the queue: a table of states and events. Pure.
//
//   queued ─claim▶ claimed ─begin▶ sending ─▶ delivered, relayed, bounced, expired
//     │  ◀─release──┘  │             │
//     │                └─lose────────┤ (its process died: the peer may have it)
//     │                              ▼
//     └─recall▶ recalled ◀─recall─ deferred ─claim▶ claimed
//
// "claimed" is what the database says of both claimed and sending: what began is known only to the process that
// claimed.

#include <optional>
#include <string_view>

#include "sekisho/mail/v1/mail.pb.h"

namespace sekisho::delivery {

enum class State {  // numbers are stored: never change one
  kQueued = 0,      // waits for an attempt, none has failed
  kClaimed = 1,     // that an attempt will be made is durable; nothing was done yet
  kSending = 2,     // the attempt is being made
  kDeferred = 3,    // waits for another attempt
  kDelivered = 4,   // a peer took it that we found by MX, or the route says is the last
  kRelayed = 5,     // a smart host took it
  kBounced = 6,     // refused for good
  kExpired = 7,     // given up after too long
  kRecalled = 8,    // taken back before any attempt was claimed
};
inline constexpr int kStateCount = 9;

enum class Event {
  kClaim,
  kBegin,
  kRelease,  // stopping before it began: gives the claim back
  kLose,     // the process that claimed it is gone
  kDeliver,
  kRelay,
  kDefer,
  kBounce,
  kExpire,
  kRecall,
};
inline constexpr int kEventCount = 10;

// The state after `event`, or nothing when it may not happen in `from`.
std::optional<State> After(State from, Event event);

bool IsTerminal(State state);
std::string_view StateName(State state);  // "queued"

// How the journal and other stages call it.
mail::v1::RecipientState ToMailState(State state);

}  // namespace sekisho::delivery
