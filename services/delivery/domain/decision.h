#pragma once
// From a disposition to what is done about the recipient: which event its row sees, when it is tried again, who is
// told. Pure.

#include <optional>

#include "services/delivery/domain/disposition.h"
#include "services/delivery/domain/dsn.h"
#include "services/delivery/domain/recipient_state.h"
#include "services/delivery/domain/retry_schedule.h"

namespace sekisho::delivery {

struct Attempted {
  const mail::v1::Envelope* envelope = nullptr;
  const mail::v1::Recipient* recipient = nullptr;
  TimePoint queued_at{};
  int attempts = 1;            // this one included
  bool noticed = false;        // told already that it is late
  bool smart_host = false;     // a success means relayed
  bool dsn_passed_on = false;  // the peer speaks DSN, and was asked what the sender asked of us
};

struct Decision {
  Event event = Event::kDefer;
  State state = State::kDeferred;
  TimePoint due{};                  // kDeferred: the next attempt
  std::optional<DsnAction> notice;  // what the sender is told, if anything
  bool noticed = false;             // to be remembered: the delay was told, or was not to be
  std::string status;               // of the notice: that of the disposition, or of having given up
};

Decision Decide(const Attempted& attempted, const Disposition& disposition, const RetrySchedule& schedule,
                TimePoint now, double dice);

}  // namespace sekisho::delivery
