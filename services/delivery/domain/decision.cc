#include "services/delivery/domain/decision.h"

namespace sekisho::delivery {
namespace {

std::optional<DsnAction> Notice(const Attempted& attempted, DsnAction action) {
  if (!WantsDsn(*attempted.envelope, *attempted.recipient, action)) return std::nullopt;
  return action;
}

Decision Reached(Event event, const Disposition& disposition, std::optional<DsnAction> notice) {
  Decision decision;
  decision.event = event;
  decision.state = *After(State::kSending, event);
  decision.notice = notice;
  decision.status = disposition.status;
  return decision;
}

Decision Deferred(const Attempted& attempted, const Disposition& disposition, const RetrySchedule& schedule,
                  TimePoint now, double dice) {
  const std::optional<TimePoint> next = schedule.Next(attempted.queued_at, attempted.attempts, now, dice);
  if (!next) {
    Decision decision = Reached(Event::kExpire, disposition, Notice(attempted, DsnAction::kFailed));
    decision.status = "5.4.7";  // RFC 3463 §3.5: delivery time expired
    return decision;
  }
  Decision decision = Reached(Event::kDefer, disposition, std::nullopt);
  decision.due = disposition.at_once ? now : *next;
  decision.noticed = attempted.noticed;
  if (!attempted.noticed && schedule.IsLate(attempted.queued_at, now)) {
    decision.notice = Notice(attempted, DsnAction::kDelayed);
    decision.noticed = true;
  }
  return decision;
}

}  // namespace

Decision Decide(const Attempted& attempted, const Disposition& disposition, const RetrySchedule& schedule,
                TimePoint now, double dice) {
  switch (disposition.kind) {
    case Disposition::Kind::kDelivered: {
      const auto notice = attempted.dsn_passed_on ? std::nullopt : Notice(attempted, DsnAction::kRelayed);
      return Reached(attempted.smart_host ? Event::kRelay : Event::kDeliver, disposition, notice);
    }
    case Disposition::Kind::kBounce:
      return Reached(Event::kBounce, disposition, Notice(attempted, DsnAction::kFailed));
    case Disposition::Kind::kDefer:
      break;
  }
  return Deferred(attempted, disposition, schedule, now, dice);
}

}  // namespace sekisho::delivery
