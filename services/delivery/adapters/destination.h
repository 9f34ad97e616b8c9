#pragma once
// What the dispatcher knows of one destination. Guarded by the dispatcher's mutex.

#include <deque>
#include <memory>
#include <string>

#include "services/delivery/adapters/batch.h"

namespace sekisho::delivery {

struct Destination {
  DestinationName name;
  std::string index;  // as rows have it

  // In the database.
  uint64_t queued = 0, deferred = 0;             // waiting
  TimePoint next_due = TimePoint::max();         // no waiting row is due before
  TimePoint due_since_claim = TimePoint::max();  // of rows that began to wait while a claim was under way
  bool claiming = false;

  // In memory.
  size_t in_flight = 0;                      // recipients claimed, or reserved to be
  std::deque<std::shared_ptr<Batch>> ready;  // claimed and prepared
  bool crowded = false;                      // due, but no room here
  TimePoint agenda_at = TimePoint::max();    // where it stands in the agenda

  // Connections: those being opened, those unused; the rest carry a batch.
  size_t lanes = 0, opening = 0, idle = 0;
  size_t lane_limit = 0;  // what it lets us have
  bool thirsty = false;   // ready, but there was no memory for its content
  bool starved = false;   // waits for a connection of all

  bool suspended = false;
  int unreached = 0;       // times in a row that it could not be reached
  TimePoint hold_until{};  // it could not be reached
  std::string last_error;

  bool IsForgettable() const {
    return queued == 0 && deferred == 0 && in_flight == 0 && lanes == 0 && !claiming && !suspended && !starved;
  }
};

}  // namespace sekisho::delivery
