#pragma once
// How far a watcher of one mail has read. Events of several stages arrive in no strict order, so a position is the
// newest event's id and the ids of those just before it: what is older than a minute before the newest was sent. Pure.

#include <set>
#include <string>
#include <string_view>

#include "shared/base/ids.h"

namespace sekisho::intake {

class WatchPosition {
 public:
  // The empty token is the beginning. Errors: kInvalid.
  static Result<WatchPosition> Parse(std::string_view token);

  // True for an event that was not taken before; it is now.
  bool Take(std::string_view event_id);
  std::string ToToken() const;

 private:
  std::set<EventId> recent_;  // the newest is the last
};

}  // namespace sekisho::intake
