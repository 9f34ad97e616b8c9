#pragma once
// For topic `journal`: each event becomes a row; "accepted" makes its mail's row as well.

#include "shared/stage/stage.h"

namespace sekisho::ledger {

class Recorder final : public stage::Processor {
 public:
  explicit Recorder(keys::KeyRing& keys) : keys_(keys) {}
  Result<stage::Effects> Process(const stage::Input& input) override;

 private:
  keys::KeyRing& keys_;
};

// The additional data under which an event's row is sealed.
std::string EventContext(const EventId& event);

}  // namespace sekisho::ledger
