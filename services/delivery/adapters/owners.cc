#include "services/delivery/adapters/owners.h"

#include "services/delivery/adapters/queue_table.h"

namespace sekisho::delivery {

Status Owners::Renew() {
  const auto steady = std::chrono::steady_clock::now();
  SEKISHO_RETURN_IF_ERROR(
      around_.database.RunAndWait([&](store::Tx& tx) { return PutOwner(tx, own_, around_.clock.Now() + lease_); }));
  renewed_ = steady;
  return Ok();
}

void Owners::Resign() {
  const Status removed = around_.database.RunAndWait([&](store::Tx& tx) { return RemoveOwner(tx, own_); });
  static_cast<void>(removed);  // then its time ends
}

bool Owners::alive() const {
  return around_.database.sole_process() || std::chrono::steady_clock::now() < renewed_.load() + lease_;
}

Result<std::vector<std::string>> Owners::FindDead() {
  std::vector<std::string> claiming;
  std::map<std::string, TimePoint> until;
  SEKISHO_RETURN_IF_ERROR(around_.database.Read([&](store::Tx& tx) -> Status {
    SEKISHO_TRY(claiming, ClaimingOwners(tx));
    SEKISHO_TRY(until, KnownOwners(tx));
    return Ok();
  }));
  const TimePoint now = around_.clock.Now();
  std::vector<std::string> dead;
  std::map<std::string, TimePoint> suspects;
  for (std::string& owner : claiming) {
    if (owner == own_) continue;
    const TimePoint end = until[owner];  // long ago for one that resigned
    if (!around_.database.sole_process()) {
      if (end > now) continue;
      const auto suspect = suspects_.find(owner);
      suspects[owner] = end;
      if (suspect == suspects_.end() || suspect->second != end) continue;
    }
    dead.push_back(std::move(owner));
  }
  suspects_ = std::move(suspects);
  return dead;
}

}  // namespace sekisho::delivery
