#include "services/delivery/domain/recipient_state.h"

namespace sekisho::delivery {
namespace {

struct Transition {
  State from;
  Event event;
  State to;
};

constexpr Transition kTable[] = {
    {State::kQueued, Event::kClaim, State::kClaimed},
    {State::kDeferred, Event::kClaim, State::kClaimed},
    {State::kClaimed, Event::kBegin, State::kSending},
    // Not begun: an attempt that was never made doesn't count, whatever came before it.
    {State::kClaimed, Event::kRelease, State::kQueued},
    {State::kClaimed, Event::kLose, State::kDeferred},
    {State::kSending, Event::kLose, State::kDeferred},
    {State::kSending, Event::kDeliver, State::kDelivered},
    {State::kSending, Event::kRelay, State::kRelayed},
    {State::kSending, Event::kDefer, State::kDeferred},
    {State::kSending, Event::kBounce, State::kBounced},
    {State::kSending, Event::kExpire, State::kExpired},
    {State::kQueued, Event::kRecall, State::kRecalled},
    {State::kDeferred, Event::kRecall, State::kRecalled},
};

}  // namespace

std::optional<State> After(State from, Event event) {
  for (const Transition& transition : kTable) {
    if (transition.from == from && transition.event == event) return transition.to;
  }
  return std::nullopt;
}

bool IsTerminal(State state) { return state >= State::kDelivered; }

std::string_view StateName(State state) {
  switch (state) {
    case State::kQueued:
      return "queued";
    case State::kClaimed:
      return "claimed";
    case State::kSending:
      return "sending";
    case State::kDeferred:
      return "deferred";
    case State::kDelivered:
      return "delivered";
    case State::kRelayed:
      return "relayed";
    case State::kBounced:
      return "bounced";
    case State::kExpired:
      return "expired";
    case State::kRecalled:
      return "recalled";
  }
  return "unknown";
}

mail::v1::RecipientState ToMailState(State state) {
  switch (state) {
    case State::kQueued:
    case State::kClaimed:
    case State::kSending:
      return mail::v1::RECIPIENT_STATE_DELIVERING;
    case State::kDeferred:
      return mail::v1::RECIPIENT_STATE_DEFERRED;
    case State::kDelivered:
      return mail::v1::RECIPIENT_STATE_DELIVERED;
    case State::kRelayed:
      return mail::v1::RECIPIENT_STATE_RELAYED;
    // Given up is a bounce to everyone else; "expired" is what becomes of a mail that nobody approved.
    case State::kBounced:
    case State::kExpired:
      return mail::v1::RECIPIENT_STATE_BOUNCED;
    case State::kRecalled:
      return mail::v1::RECIPIENT_STATE_RECALLED;
  }
  return mail::v1::RECIPIENT_STATE_UNSPECIFIED;
}

}  // namespace sekisho::delivery
