#pragma once
// What may become of a parcel that waits: a table of states and events, with who may bring each about. Pure.
//
//   timed ──due, release──────────────▶ cleared        every waiting state:
//   confirm ──confirm─────────────────▶ cleared          recall (sender)   ▶ recalled
//   approval, unreadable, ambiguous,                     drop (operator)   ▶ dropped
//   error ──approve▶ cleared, reject▶ rejected         all but timed:
//                                                        expire (time)     ▶ expired: returned, never sent

#include <array>
#include <string_view>

#include "sekisho/mail/v1/mail.pb.h"
#include "shared/base/result.h"

namespace sekisho::approval {

enum class State {  // numbers are stored: never change one
  // These wait; the numbers are those of mail.v1.HoldClass.
  kTimed = 1,
  kConfirm = 2,
  kApproval = 3,
  kUnreadable = 4,
  kAmbiguous = 5,
  kError = 6,
  // These are terminal.
  kCleared = 16,
  kRejected = 17,
  kRecalled = 18,
  kExpired = 19,
  kDropped = 20,
};
inline constexpr std::array kStates = {State::kTimed,     State::kConfirm, State::kApproval, State::kUnreadable,
                                       State::kAmbiguous, State::kError,   State::kCleared,  State::kRejected,
                                       State::kRecalled,  State::kExpired, State::kDropped};
inline constexpr int kFirstTerminal = static_cast<int>(State::kCleared);

enum class Event {
  kDue,      // the time of a timed hold is over
  kRelease,  // its sender does not want to wait
  kConfirm,  // its sender confirms
  kRecall,   // its sender takes it back
  kApprove,
  kReject,
  kExpire,  // nobody decided in time
  kDrop,    // an operator removes it, with a reason
};
inline constexpr std::array kEvents = {Event::kDue,     Event::kRelease, Event::kConfirm, Event::kRecall,
                                       Event::kApprove, Event::kReject,  Event::kExpire,  Event::kDrop};

// In what capacity somebody acts on one parcel; several at once are a sum.
enum Capacity : unsigned {
  kNoCapacity = 0,
  kTime = 1,      // nobody: the clock
  kSender = 2,    // whose mail it is
  kSuperior = 4,  // who approves for the sender
  kOfficer = 8,   // a security officer
  kOperator = 16,
};

enum class Effect {
  kHandOn,   // the next stage of its slip gets it
  kReturn,   // its sender gets it back, told why
  kForget,   // its sender asked for that: nothing more is said
  kDiscard,  // it is gone; its sender is told why
};

struct Transition {
  State from;
  Event event;
  State to;
  unsigned who;  // one of these capacities is needed
  Effect effect;
};

// The row for `event` in `from`, or nullptr when that may not happen.
const Transition* Find(State from, Event event);

// Find, for somebody who acts in `capacities`. Errors: kPrecondition when it was decided already; kInvalid when such a
// parcel knows no such event, saying what to do instead; kPermission.
Result<const Transition*> Decide(State from, Event event, unsigned capacities);

bool IsTerminal(State state);
// The state a parcel enters; a class that we don't know waits for an operator.
State StateOf(mail::v1::HoldClass hold);
mail::v1::HoldClass HoldClassOf(State state);
Event OnTime(State state);                // what happens when its time is over
Event OnRelease(State state);             // what "let it go now" means for it
std::string_view StateName(State state);  // "timed", "cleared"
std::string_view PastTense(Event event);  // "released", "approved": the journal's event type
// How the journal and other stages call it; of what was cleared, they say more themselves.
mail::v1::RecipientState ToMailState(State state);

}  // namespace sekisho::approval
