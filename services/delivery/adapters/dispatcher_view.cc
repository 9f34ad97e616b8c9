// Start and stop, and what an operator sees and does.

#include <algorithm>
#include <map>
#include <utility>

#include "services/delivery/adapters/dispatcher.h"
#include "shared/base/bytes.h"
#include "shared/dns/mail_hosts.h"
#include "shared/dns/records.h"

namespace sekisho::delivery {
namespace {

constexpr int64_t kFlushAtOnce = 2000;                // rows in one transaction, so that others don't wait long
constexpr auto kLastWords = std::chrono::seconds(5);  // for writing what became of what was broken off

}  // namespace

// What the database says of destinations.
struct Dispatcher::InDatabase {
  std::vector<Waiting> waiting;
  std::vector<DestinationName> names;  // of each
  std::vector<Suspension> suspensions;
  uint64_t suspension_changes = 0;  // when it was looked at
};

Result<Dispatcher::InDatabase> Dispatcher::Look() const {
  InDatabase found;
  std::map<std::string, DestinationName> known;
  {
    const std::scoped_lock lock(mutex_);
    found.suspension_changes = suspension_changes_;
    for (const auto& [index, destination] : by_index_) known.emplace(index, destination->name);
  }
  SEKISHO_RETURN_IF_ERROR(parts_.around.database.Read([&](store::Tx& tx) -> Status {
    SEKISHO_TRY(found.waiting, CountWaiting(tx));
    SEKISHO_TRY(found.suspensions, Suspensions(tx));
    for (const Waiting& group : found.waiting) {
      if (const auto name = known.find(group.destination); name != known.end()) {
        found.names.push_back(name->second);
        continue;
      }
      SEKISHO_TRY(const auto row, AnyRow(tx, group.destination));
      const Result<DestinationName> name = row ? NameOf(*row) : MakeError(Code::kNotFound, "");
      // What can't be opened has no name; it is shown by its index.
      found.names.push_back(name.ok()
                                ? *name
                                : DestinationName{DestinationName::Kind::kDomain,
                                                  "unreadable." + HexEncode(group.destination.substr(0, 4)), false});
    }
    return Ok();
  }));
  return found;
}

Status Dispatcher::TakeNotice(const InDatabase& found) {
  std::map<Shared, const Waiting*> waiting;
  for (size_t i = 0; i < found.waiting.size(); ++i) {
    SEKISHO_TRY(const Shared destination, Find(found.names[i]));
    waiting[destination] = &found.waiting[i];
  }
  std::map<Shared, bool> suspended;
  for (const Suspension& suspension : found.suspensions) {
    const Result<std::vector<DestinationName>> parsed = Parse(suspension.name);
    if (!parsed.ok()) continue;  // a route that is no more
    for (const DestinationName& name : *parsed) {
      SEKISHO_TRY(const Shared destination, Find(name));
      suspended[destination] |= destination->index == suspension.destination;
    }
  }
  std::vector<std::pair<Shared, bool>> changed;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [name, destination] : destinations_) {
      const auto group = waiting.find(destination);
      destination->queued = group == waiting.end() ? 0 : group->second->queued;
      destination->deferred = group == waiting.end() ? 0 : group->second->deferred;
      if (group != waiting.end()) {
        by_index_.erase(destination->index);
        destination->index = group->second->destination;
        by_index_[destination->index] = destination;
        destination->next_due = std::min(destination->next_due, group->second->next_due);
        destination->due_since_claim = std::min(destination->due_since_claim, group->second->next_due);
      }
      const bool stopped = suspended[destination];
      if (stopped != destination->suspended) changed.emplace_back(destination, stopped);
      ScheduleLocked(destination);
    }
    if (suspension_changes_ != found.suspension_changes) return Ok();  // what was found is older
  }
  for (const auto& [destination, stopped] : changed) SetSuspended(destination, stopped);
  return Ok();
}

Status Dispatcher::Refresh() {
  SEKISHO_TRY(const InDatabase found, Look());
  return TakeNotice(found);
}

Status Dispatcher::Start() {
  RescheduleFarOff();
  SEKISHO_RETURN_IF_ERROR(Refresh());
  const std::scoped_lock lock(mutex_);
  next_refresh_ = parts_.around.clock.Steady() + kRefresh;
  clock_watch_.Look(parts_.around.clock.Now(), parts_.around.clock.Steady());  // from here on jumps are seen
  thread_ = std::thread([this] { Loop(); });
  return Ok();
}

void Dispatcher::Drain(Duration limit) {
  std::vector<std::pair<Shared, std::vector<std::shared_ptr<Batch>>>> unbegun;
  Actions actions;
  {
    const std::scoped_lock lock(mutex_);
    if (stopping_) return;
    stopping_ = true;
    agenda_.clear();
    for (const auto& [name, destination] : destinations_) {
      destination->agenda_at = TimePoint::max();
      const auto ready = std::exchange(destination->ready, {});
      if (!ready.empty()) unbegun.emplace_back(destination, std::vector(ready.begin(), ready.end()));
    }
    while (!idle_.empty()) DropOldestIdleLocked(actions);
  }
  for (const auto& action : actions) action();
  for (auto& [destination, batches] : unbegun) GiveBack(destination, std::move(batches));

  std::unique_lock lock(mutex_);
  const auto finished = [&] { return in_flight_ == 0; };
  if (!drained_.wait_for(lock, limit, finished)) {
    const auto busy = busy_;
    lock.unlock();
    for (const auto& [outlet, fresh] : busy) outlet->Close();
    lock.lock();
    drained_.wait_for(lock, kLastWords, finished);
  }
  stopped_ = true;
  wake_.notify_one();
  lock.unlock();
  if (thread_.joinable()) thread_.join();
  gate_->Close();
}

std::vector<Dispatcher::Summary> Dispatcher::Summaries() const {
  std::vector<Summary> all;
  const std::scoped_lock lock(mutex_);
  for (const auto& [name, destination] : destinations_) {
    if (destination->IsForgettable()) continue;
    all.push_back({.name = name,
                   .index = destination->index,
                   .queued = destination->queued,
                   .sending = destination->in_flight,
                   .deferred = destination->deferred,
                   .next_attempt = std::max(destination->next_due, destination->hold_until),
                   .suspended = destination->suspended,
                   .last_error = destination->last_error});
  }
  return all;
}

Status Dispatcher::Suspend(const std::string& name) {
  SEKISHO_TRY(const auto names, Parse(name));
  std::vector<Shared> destinations;
  for (const DestinationName& parsed : names) {
    SEKISHO_TRY(Shared destination, Find(parsed));
    destinations.push_back(std::move(destination));
  }
  NoteSuspensionChange();
  SEKISHO_RETURN_IF_ERROR(parts_.around.database.RunAndWait([&](store::Tx& tx) -> Status {
    for (const Shared& destination : destinations) {
      SEKISHO_RETURN_IF_ERROR(InsertSuspension(tx, {destination->index, destination->name.name}));
    }
    return Ok();
  }));
  NoteSuspensionChange();
  for (const Shared& destination : destinations) SetSuspended(destination, true);
  return Ok();
}

// A look at the database that began before says nothing of it.
void Dispatcher::NoteSuspensionChange() {
  const std::scoped_lock lock(mutex_);
  ++suspension_changes_;
}

// In memory.
void Dispatcher::SetSuspended(const Shared& destination, bool suspended) {
  std::vector<std::shared_ptr<Batch>> unbegun;
  {
    const std::scoped_lock lock(mutex_);
    destination->suspended = suspended;
    if (suspended) {
      const auto ready = std::exchange(destination->ready, {});
      unbegun.assign(ready.begin(), ready.end());
    } else {
      destination->hold_until = {};
    }
    ScheduleLocked(destination);
  }
  GiveBack(destination, std::move(unbegun));
}

Status Dispatcher::Resume(const std::string& name) {
  SEKISHO_TRY(const auto names, Parse(name));
  for (const DestinationName& parsed : names) {
    SEKISHO_TRY(const Shared destination, Find(parsed));
    const TimePoint now = parts_.around.clock.Now();
    NoteSuspensionChange();
    SEKISHO_RETURN_IF_ERROR(
        parts_.around.database.RunAndWait([&](store::Tx& tx) { return DeleteSuspension(tx, destination->index); }));
    for (int64_t flushed = kFlushAtOnce; flushed == kFlushAtOnce;) {
      SEKISHO_RETURN_IF_ERROR(parts_.around.database.RunAndWait([&](store::Tx& tx) -> Status {
        SEKISHO_TRY(flushed, FlushRows(tx, destination->index, now, kFlushAtOnce));
        return Ok();
      }));
    }
    NoteSuspensionChange();
    const std::scoped_lock lock(mutex_);
    destination->suspended = false;
    destination->hold_until = {};
    if (destination->queued + destination->deferred > 0) {
      destination->next_due = std::min(destination->next_due, now);
      destination->due_since_claim = std::min(destination->due_since_claim, now);
    }
    ScheduleLocked(destination);
  }
  return Ok();
}

Result<DestinationName> Dispatcher::NameOf(const QueueRow& row) const {
  SEKISHO_TRY(const auto opened, parts_.around.keys.Open(row.sealed, RowContext(row.key)));
  mail::v1::Parcel parcel;
  if (!parcel.ParseFromString(opened.plaintext) || parcel.recipients_size() != 1) {
    return MakeError(Code::kCorrupt, "a queue row cannot be read");
  }
  return DestinationOf(parts_.routes, parcel.recipients(0).address(), parcel.envelope().require_tls());
}

// What asks for REQUIRETLS shares the fate of the rest.
Result<std::vector<DestinationName>> Dispatcher::Parse(const std::string& name) const {
  using Kind = DestinationName::Kind;
  if (parts_.routes.FindByName(name) != nullptr) {
    return std::vector<DestinationName>{{Kind::kRoute, name, false}, {Kind::kRoute, name, true}};
  }
  const std::string domain = AsciiLower(name);
  if (!dns::IsDomainName(domain) && !dns::ParseAddressLiteral(domain).ok()) {
    return MakeError(Code::kInvalid, "destination: neither a route's name nor a domain");
  }
  return std::vector<DestinationName>{{Kind::kDomain, domain, false}, {Kind::kDomain, domain, true}};
}

}  // namespace sekisho::delivery
