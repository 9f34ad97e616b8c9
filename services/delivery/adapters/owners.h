#pragma once
// Which processes are alive, as their claims must be told from those of the dead. Each has a row {delivery.owner} that
// it renews; one that did not in time has lost its claims. Where one process has the database to itself, every other
// owner is dead.

#include <atomic>
#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "shared/stage/stage.h"

namespace sekisho::delivery {

class Owners {
 public:
  // `own`: this process's. `lease`: how long it is taken to be alive after a renewal.
  Owners(const stage::Surroundings& surroundings, std::string own, Duration lease)
      : around_(surroundings), own_(std::move(own)), lease_(lease) {}

  Duration renew_every() const { return lease_ / 4; }

  Status Renew();
  // At the end: what it claimed still, another may take over at once.
  void Resign();
  // False when others may take this process for dead, by the machine's steady clock. Thread safe.
  bool alive() const;

  // Others with claims whose time is over, and was with the same end at the last call: while the database was away,
  // nobody could renew. Used by one thread, no more often than renew_every().
  Result<std::vector<std::string>> FindDead();

 private:
  const stage::Surroundings& around_;
  const std::string own_;
  const Duration lease_;
  std::atomic<std::chrono::steady_clock::time_point> renewed_{};
  std::map<std::string, TimePoint> suspects_;  // by owner: when its time was over
};

}  // namespace sekisho::delivery
