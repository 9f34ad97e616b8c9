#include "services/approval/domain/state_table.h"

#include <string>

namespace sekisho::approval {
namespace {

constexpr Transition kTable[] = {
    {State::kTimed, Event::kDue, State::kCleared, kTime, Effect::kHandOn},
    {State::kTimed, Event::kRelease, State::kCleared, kSender, Effect::kHandOn},
    {State::kTimed, Event::kRecall, State::kRecalled, kSender, Effect::kForget},
    {State::kTimed, Event::kDrop, State::kDropped, kOperator, Effect::kDiscard},

    {State::kConfirm, Event::kConfirm, State::kCleared, kSender, Effect::kHandOn},
    {State::kConfirm, Event::kRecall, State::kRecalled, kSender, Effect::kForget},
    {State::kConfirm, Event::kExpire, State::kExpired, kTime, Effect::kReturn},
    {State::kConfirm, Event::kDrop, State::kDropped, kOperator, Effect::kDiscard},

    {State::kApproval, Event::kApprove, State::kCleared, kSuperior, Effect::kHandOn},
    {State::kApproval, Event::kReject, State::kRejected, kSuperior, Effect::kReturn},
    {State::kApproval, Event::kRecall, State::kRecalled, kSender, Effect::kForget},
    {State::kApproval, Event::kExpire, State::kExpired, kTime, Effect::kReturn},
    {State::kApproval, Event::kDrop, State::kDropped, kOperator, Effect::kDiscard},

    {State::kUnreadable, Event::kApprove, State::kCleared, kSuperior | kOfficer, Effect::kHandOn},
    {State::kUnreadable, Event::kReject, State::kRejected, kSuperior | kOfficer, Effect::kReturn},
    {State::kUnreadable, Event::kRecall, State::kRecalled, kSender, Effect::kForget},
    {State::kUnreadable, Event::kExpire, State::kExpired, kTime, Effect::kReturn},
    {State::kUnreadable, Event::kDrop, State::kDropped, kOperator, Effect::kDiscard},

    {State::kAmbiguous, Event::kApprove, State::kCleared, kOfficer, Effect::kHandOn},
    {State::kAmbiguous, Event::kReject, State::kRejected, kOfficer, Effect::kReturn},
    {State::kAmbiguous, Event::kRecall, State::kRecalled, kSender, Effect::kForget},
    {State::kAmbiguous, Event::kExpire, State::kExpired, kTime, Effect::kReturn},
    {State::kAmbiguous, Event::kDrop, State::kDropped, kOperator, Effect::kDiscard},

    {State::kError, Event::kApprove, State::kCleared, kOperator, Effect::kHandOn},
    {State::kError, Event::kReject, State::kRejected, kOperator, Effect::kReturn},
    {State::kError, Event::kRecall, State::kRecalled, kSender, Effect::kForget},
    {State::kError, Event::kExpire, State::kExpired, kTime, Effect::kReturn},
    {State::kError, Event::kDrop, State::kDropped, kOperator, Effect::kDiscard},
};

std::string Needed(unsigned who) {
  std::string needed;
  for (const auto& [capacity, name] : {std::pair{kSender, "its sender"},
                                       {kSuperior, "the sender's superior"},
                                       {kOfficer, "a security officer"},
                                       {kOperator, "an operator"}}) {
    if ((who & capacity) != 0) needed += (needed.empty() ? "" : " or ") + std::string(name);
  }
  return needed.empty() ? "nobody" : needed;
}

}  // namespace

const Transition* Find(State from, Event event) {
  for (const Transition& transition : kTable) {
    if (transition.from == from && transition.event == event) return &transition;
  }
  return nullptr;
}

Result<const Transition*> Decide(State from, Event event, unsigned capacities) {
  if (IsTerminal(from)) {
    return MakeError(Code::kPrecondition, "this was decided already: it is " + std::string(StateName(from)));
  }
  const Transition* transition = Find(from, event);
  if (transition == nullptr) {
    const bool sender_releases = from == State::kTimed || from == State::kConfirm;
    return MakeError(Code::kInvalid, "this waits as '" + std::string(StateName(from)) + "': it can't be " +
                                         std::string(PastTense(event)) +
                                         (sender_releases ? "; its sender may release it" : ""));
  }
  if ((transition->who & capacities) == 0) {
    return MakeError(Code::kPermission, "for this mail, that is for " + Needed(transition->who));
  }
  return transition;
}

bool IsTerminal(State state) { return static_cast<int>(state) >= kFirstTerminal; }

State StateOf(mail::v1::HoldClass hold) {
  switch (hold) {
    case mail::v1::HOLD_CLASS_TIMED:
      return State::kTimed;
    case mail::v1::HOLD_CLASS_CONFIRM:
      return State::kConfirm;
    case mail::v1::HOLD_CLASS_APPROVAL:
      return State::kApproval;
    case mail::v1::HOLD_CLASS_UNREADABLE:
      return State::kUnreadable;
    case mail::v1::HOLD_CLASS_AMBIGUOUS:
      return State::kAmbiguous;
    default:
      return State::kError;
  }
}

mail::v1::HoldClass HoldClassOf(State state) {
  return IsTerminal(state) ? mail::v1::HOLD_CLASS_UNSPECIFIED : static_cast<mail::v1::HoldClass>(state);
}

Event OnTime(State state) { return state == State::kTimed ? Event::kDue : Event::kExpire; }

Event OnRelease(State state) {
  if (state == State::kTimed) return Event::kRelease;
  return state == State::kConfirm ? Event::kConfirm : Event::kApprove;
}

std::string_view StateName(State state) {
  switch (state) {
    case State::kTimed:
      return "timed";
    case State::kConfirm:
      return "confirm";
    case State::kApproval:
      return "approval";
    case State::kUnreadable:
      return "unreadable";
    case State::kAmbiguous:
      return "ambiguous";
    case State::kError:
      return "error";
    case State::kCleared:
      return "cleared";
    case State::kRejected:
      return "rejected";
    case State::kRecalled:
      return "recalled";
    case State::kExpired:
      return "expired";
    case State::kDropped:
      return "dropped";
  }
  return "unknown";
}

std::string_view PastTense(Event event) {
  switch (event) {
    case Event::kDue:
    case Event::kRelease:
      return "released";
    case Event::kConfirm:
      return "confirmed";
    case Event::kRecall:
      return "recalled";
    case Event::kApprove:
      return "approved";
    case Event::kReject:
      return "rejected";
    case Event::kExpire:
      return "expired";
    case Event::kDrop:
      return "dropped";
  }
  return "unknown";
}

mail::v1::RecipientState ToMailState(State state) {
  switch (state) {
    case State::kApproval:
      return mail::v1::RECIPIENT_STATE_AWAITING_APPROVAL;
    case State::kTimed:
    case State::kConfirm:
    case State::kUnreadable:
    case State::kAmbiguous:
    case State::kError:
      return mail::v1::RECIPIENT_STATE_HELD;
    case State::kCleared:
      return mail::v1::RECIPIENT_STATE_DELIVERING;
    case State::kRejected:
      return mail::v1::RECIPIENT_STATE_REJECTED;
    case State::kRecalled:
      return mail::v1::RECIPIENT_STATE_RECALLED;
    case State::kExpired:
      return mail::v1::RECIPIENT_STATE_EXPIRED;
    case State::kDropped:
      return mail::v1::RECIPIENT_STATE_DROPPED;
  }
  return mail::v1::RECIPIENT_STATE_UNSPECIFIED;
}

}  // namespace sekisho::approval
