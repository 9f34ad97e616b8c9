#pragma once
// What delivery counts. Thread safe.

#include <array>
#include <cstdint>
#include <string>

#include "services/delivery/domain/recipient_state.h"
#include "shared/base/clock.h"
#include "shared/observe/metrics.h"

namespace sekisho::delivery {

class Metrics {
 public:
  explicit Metrics(observe::Metrics& registry);

  // A recipient's attempt ended so: deferred, or a terminal state.
  void CountOutcome(State state) { outcomes_[static_cast<size_t>(state)].Add(); }
  // A peer may have a mail that is sent to it again: silence after the dot, or a claim whose process died.
  void CountPossibleDuplicates(uint64_t n) { possible_duplicates_.Add(static_cast<double>(n)); }
  void CountNotices(uint64_t n) { notices_.Add(static_cast<double>(n)); }
  // Claims of ours that somebody else took over, or that could not be given back.
  void CountLostClaims(uint64_t n) { lost_claims_.Add(static_cast<double>(n)); }
  void CountUnreadableRows(uint64_t n) { unreadable_rows_.Add(static_cast<double>(n)); }
  void CountClockJump() { clock_jumps_.Add(); }
  void CountConnection(bool opened) { (opened ? opened_ : failed_).Add(); }
  // What is in the queue; `destination` is a route's name, or "mx" for all domains together.
  void SetRecipients(const std::string& destination, uint64_t queued, uint64_t sending, uint64_t deferred);
  void ObserveTransaction(Duration took) { transactions_.Observe(std::chrono::duration<double>(took).count()); }

 private:
  observe::Metrics& registry_;
  std::array<observe::Counter, kStateCount> outcomes_;
  observe::Counter possible_duplicates_, notices_, lost_claims_, unreadable_rows_, clock_jumps_, opened_, failed_;
  observe::Histogram transactions_;
};

}  // namespace sekisho::delivery
