#include "services/delivery/adapters/dispatcher.h"

#include <algorithm>
#include <utility>

#include "shared/base/failpoint.h"

namespace sekisho::delivery {
namespace {

Report ForAll(const Batch& batch, const Disposition& disposition, const std::string& host) {
  return {.dispositions = std::vector<Disposition>(batch.recipients.size(), disposition),
          .host = host,
          .dsn_passed_on = false};
}

void Run(std::vector<std::function<void()>>& actions) {
  for (const auto& action : actions) action();
  actions.clear();
}

}  // namespace

Dispatcher::Dispatcher(const Limits& limits, std::string owner, const Parts& parts)
    : limits_(limits), owner_(std::move(owner)), parts_(parts) {}

Dispatcher::~Dispatcher() { SEKISHO_CHECK(!thread_.joinable()); }  // Drain() comes first

Dispatcher::Reservation::~Reservation() {
  if (recipients_ == 0 && octets_ == 0) return;
  const std::scoped_lock lock(dispatcher_.mutex_);
  dispatcher_.LetGoLocked(octets_);
  dispatcher_.ReleaseLocked(destination_, recipients_);
}

void Dispatcher::Reservation::Admit(std::shared_ptr<Batch> batch) {
  SEKISHO_CHECK(batch->recipients.size() <= recipients_);
  recipients_ -= batch->recipients.size();
  batch->held = std::exchange(octets_, 0);
  static_cast<void>(Failpoint("delivery.claimed"));
  dispatcher_.TakeIn(destination_, std::move(batch));
}

Result<Dispatcher::Shared> Dispatcher::Find(const DestinationName& name) {
  {
    const std::scoped_lock lock(mutex_);
    const auto known = destinations_.find(name);
    if (known != destinations_.end()) return known->second;
  }
  SEKISHO_TRY(std::string index, parts_.around.keys.BlindIndex("destination", name.Key()));
  const std::scoped_lock lock(mutex_);
  Shared& destination = destinations_[name];
  if (destination == nullptr) {
    destination = std::make_shared<Destination>();
    destination->name = name;
    destination->index = std::move(index);
    destination->lane_limit = limits_.connections_per_destination;
    by_index_[destination->index] = destination;
  }
  return destination;
}

Result<std::string> Dispatcher::IndexOf(const DestinationName& name) {
  SEKISHO_TRY(const Shared destination, Find(name));
  return destination->index;
}

size_t Dispatcher::RoomLocked(const Destination& destination) const {
  const size_t here =
      limits_.in_flight_per_destination - std::min(limits_.in_flight_per_destination, destination.in_flight);
  const size_t in_all = limits_.in_flight - std::min(limits_.in_flight, in_flight_);
  return std::min(here, in_all);
}

std::unique_ptr<Dispatcher::Reservation> Dispatcher::Reserve(const DestinationName& name, size_t recipients,
                                                             uint64_t octets) {
  const Result<Shared> found = Find(name);
  if (!found.ok()) return nullptr;
  const Shared& destination = *found;
  const TimePoint now = parts_.around.clock.Now();
  const std::scoped_lock lock(mutex_);
  const bool others_first = destination->next_due <= now || destination->claiming;
  if (stopping_ || destination->suspended || destination->hold_until > now || others_first) return nullptr;
  if (RoomLocked(*destination) < recipients) return nullptr;
  destination->in_flight += recipients;
  in_flight_ += recipients;
  const bool fits = memory_ == 0 || memory_ + octets <= limits_.memory;
  if (fits) memory_ += octets;
  return std::make_unique<Reservation>(*this, destination, recipients, fits ? octets : 0);
}

// Memory for the batch's content.
bool Dispatcher::HoldLocked(Batch& batch) {
  const uint64_t octets = std::max<uint64_t>(1, batch.about.content().size());
  if (memory_ > 0 && memory_ + octets > limits_.memory) return false;
  memory_ += octets;
  batch.held = octets;
  return true;
}

void Dispatcher::LetGoLocked(uint64_t octets) {
  memory_ -= octets;
  if (octets > 0 && !thirsty_.empty()) WakeLocked();
}

// Whoever had to wait for room may be claimed again. Not for each place that comes free: a claim is for many.
void Dispatcher::ReleaseLocked(const Shared& destination, size_t recipients) {
  destination->in_flight -= recipients;
  in_flight_ -= recipients;
  if (destination->crowded && destination->in_flight <= limits_.in_flight_per_destination * 3 / 4) {
    destination->crowded = false;
    ScheduleLocked(destination);
  }
  if (!crowded_.empty() && in_flight_ <= limits_.in_flight * 3 / 4) {
    for (const Shared& waiting : std::exchange(crowded_, {})) ScheduleLocked(waiting);
  }
  if (stopping_) drained_.notify_all();
}

// A batch that is claimed.
void Dispatcher::TakeIn(const Shared& destination, std::shared_ptr<Batch> batch) {
  if (batch->prepared.refusal) {
    const Report report = ForAll(*batch, *batch->prepared.refusal, "");
    return Settle(destination, batch, report);
  }
  Actions actions;
  {
    const std::scoped_lock lock(mutex_);
    if (stopping_ || destination->suspended) {
      actions.push_back([this, destination, batch] { GiveBack(destination, {batch}); });
    } else {
      if (batch->held > 0) destination->thirsty = false;  // here is something that needs no more
      destination->ready.push_back(std::move(batch));
      DriveLocked(destination, actions);
    }
  }
  Run(actions);
}

// Gives what is ready to unused connections, and opens others while more is ready than is being opened.
void Dispatcher::DriveLocked(const Shared& destination, Actions& actions) {
  for (auto lane = idle_.end(); destination->idle > 0 && !destination->ready.empty() && !destination->thirsty;) {
    --lane;  // the one used last
    if (lane->destination != destination) continue;
    if (!UseLocked(destination, lane->outlet, false, actions)) break;
    lane = idle_.erase(lane);
    --destination->idle;
  }
  while (!destination->thirsty && destination->opening < destination->ready.size() &&
         destination->lanes < destination->lane_limit && MayOpenLocked(destination, actions)) {
    ++destination->opening;
    ++destination->lanes;
    ++lanes_;
    actions.push_back([this, destination] {
      parts_.outlets.Open(destination->name, Behind(gate_, [this, destination](OutletMaker::Opened opened) {
                            OnOpened(destination, std::move(opened));
                          }));
    });
  }
}

bool Dispatcher::MayOpenLocked(const Shared& destination, Actions& actions) {
  if (lanes_ < limits_.connections) return true;
  if (!idle_.empty()) {
    DropOldestIdleLocked(actions);
    return true;
  }
  if (!destination->starved && destination->lanes == 0) {
    destination->starved = true;
    starved_.push_back(destination);
  }
  return false;
}

void Dispatcher::DropOldestIdleLocked(Actions& actions) {
  Idle unused = std::move(idle_.front());
  idle_.pop_front();
  --unused.destination->idle;
  CloseLocked(unused.destination, std::move(unused.outlet), actions);
}

void Dispatcher::OnOpened(const Shared& destination, OutletMaker::Opened opened) {
  Actions actions;
  {
    const std::scoped_lock lock(mutex_);
    --destination->opening;
    if (opened.outlet != nullptr) {
      destination->unreached = 0;
      if (std::exchange(destination->hold_until, {}) != TimePoint{}) ScheduleLocked(destination);
      const std::shared_ptr<Outlet> outlet = std::move(opened.outlet);
      if (!UseLocked(destination, outlet, true, actions)) IdleLocked(destination, outlet, actions);
    } else {
      destination->last_error = WithoutAddresses(opened.failure.disposition.text);
      if (destination->lanes == 1) {
        FailReadyLocked(destination, opened.failure, actions);
      } else {
        destination->lane_limit = destination->lanes - 1;  // more it doesn't give us
      }
      CloseLocked(destination, nullptr, actions);
    }
  }
  Run(actions);
}

// Nothing reaches the destination: what is ready shares that fate, and what arrives waits.
void Dispatcher::FailReadyLocked(const Shared& destination, const OutletMaker::Failure& failure, Actions& actions) {
  if (destination->ready.empty()) return;  // nobody needed the connection: it tells nothing of the next
  if (failure.disposition.kind == Disposition::Kind::kDefer) {
    Duration hold = limits_.first_hold;
    for (int i = 0; i < destination->unreached && hold < limits_.longest_hold; ++i) hold *= 2;
    ++destination->unreached;
    destination->hold_until = parts_.around.clock.Now() + std::min(hold, limits_.longest_hold);
    ScheduleLocked(destination);
  }
  for (auto& batch : std::exchange(destination->ready, {})) {
    actions.push_back([this, destination, batch, report = ForAll(*batch, failure.disposition, failure.host)] {
      Settle(destination, batch, report);
    });
  }
}

void Dispatcher::IdleLocked(const Shared& destination, std::shared_ptr<Outlet> outlet, Actions& actions) {
  if (stopping_) return CloseLocked(destination, std::move(outlet), actions);
  ++destination->idle;
  idle_.push_back({destination, std::move(outlet), parts_.around.clock.Steady()});
}

// A connection is free: gives it what is ready. False when there is nothing, or no memory for it.
bool Dispatcher::UseLocked(const Shared& destination, std::shared_ptr<Outlet> outlet, bool fresh, Actions& actions) {
  auto& ready = destination->ready;
  if (ready.empty()) return false;
  auto next = ready.begin();
  if ((*next)->held == 0 && !HoldLocked(**next)) {
    // One that has its content already goes first: nothing else would give memory back.
    next = std::find_if(ready.begin(), ready.end(), [](const auto& batch) { return batch->held > 0; });
    if (next == ready.end()) {
      destination->thirsty = true;
      thirsty_.insert(destination);
      return false;
    }
  }
  std::shared_ptr<Batch> batch = std::move(*next);
  ready.erase(next);
  busy_[outlet] = fresh;
  actions.push_back([this, destination, outlet = std::move(outlet), batch = std::move(batch)] {
    if (batch->prepared.content != nullptr) return Send(destination, outlet, batch);
    SEKISHO_CHECK(parts_.workers.TryPost([this, destination, outlet, batch] {
      batch->prepared = parts_.preparer.Prepare(*batch);
      Send(destination, outlet, batch);
    }));
  });
  return true;
}

void Dispatcher::Send(const Shared& destination, const std::shared_ptr<Outlet>& outlet,
                      const std::shared_ptr<Batch>& batch) {
  if (batch->prepared.refusal) {
    return OnSent(destination, outlet, batch, {ForAll(*batch, *batch->prepared.refusal, ""), true, false});
  }
  if (!parts_.owners.alive()) {  // another replica may have taken the claim over
    const Disposition lapsed =
        OfFailure(Step::kContent, MakeError(Code::kUnavailable, "claims could not be renewed: the database is away"));
    return OnSent(destination, outlet, batch, {ForAll(*batch, lapsed, ""), true, false});
  }
  outlet->Send(batch, Behind(gate_, [this, destination, outlet, batch](Outlet::Sent sent) {
                 OnSent(destination, outlet, batch, std::move(sent));
               }));
}

void Dispatcher::OnSent(const Shared& destination, const std::shared_ptr<Outlet>& outlet,
                        const std::shared_ptr<Batch>& batch, Outlet::Sent sent) {
  Actions actions;
  bool stale = false;
  {
    const std::scoped_lock lock(mutex_);
    const bool fresh = busy_.extract(outlet).mapped();
    // One that rested may have been closed meanwhile: the batch goes by another. One that is closed as soon as it opens
    // is a refusal.
    stale = sent.unanswered && !fresh;
    if (stale && stopping_) {
      actions.push_back([this, destination, batch] { GiveBack(destination, {batch}); });
    } else if (stale) {
      destination->ready.push_front(batch);
    } else {
      for (const Disposition& disposition : sent.report.dispositions) {
        if (disposition.kind != Disposition::Kind::kDelivered)
          destination->last_error = WithoutAddresses(disposition.text);
      }
    }
    if (sent.reusable && !stale) {
      if (!UseLocked(destination, outlet, false, actions)) IdleLocked(destination, outlet, actions);
    } else {
      CloseLocked(destination, outlet, actions);
      DriveLocked(destination, actions);
    }
  }
  Run(actions);
  if (!stale) Settle(destination, batch, std::move(sent.report));
}

// A connection less: another destination may have it.
void Dispatcher::CloseLocked(const Shared& destination, std::shared_ptr<Outlet> outlet, Actions& actions) {
  --destination->lanes;
  --lanes_;
  if (destination->lanes == 0) destination->lane_limit = limits_.connections_per_destination;
  if (outlet != nullptr) actions.push_back([outlet = std::move(outlet)]() mutable { outlet.reset(); });
  while (!starved_.empty() && lanes_ < limits_.connections) {
    const Shared next = std::move(starved_.front());
    starved_.pop_front();
    next->starved = false;
    DriveLocked(next, actions);
  }
}

void Dispatcher::Settle(const Shared& destination, const std::shared_ptr<Batch>& batch, const Report& report) {
  parts_.settler.Settle(batch, report,
                        Behind(gate_, [this, destination, batch, report](const Result<Settled>& settled) {
                          OnSettled(destination, batch, report, settled);
                        }));
}

void Dispatcher::OnSettled(const Shared& destination, const std::shared_ptr<Batch>& batch, Report report,
                           const Result<Settled>& settled) {
  const std::scoped_lock lock(mutex_);
  if (!settled.ok() && settled.error().code != Code::kPrecondition) {
    // What a peer said must be written: again and again, until the database takes it.
    unsettled_.push_back({destination, batch, std::move(report), parts_.around.clock.Now() + std::chrono::seconds(1)});
    WakeLocked();
    return;
  }
  if (settled.ok()) {
    destination->deferred += settled->deferred;
    destination->next_due = std::min(destination->next_due, settled->next_due);
    destination->due_since_claim = std::min(destination->due_since_claim, settled->next_due);
    ScheduleLocked(destination);
  } else {
    parts_.metrics.CountLostClaims(batch->recipients.size());
  }
  LetGoLocked(std::exchange(batch->held, 0));
  ReleaseLocked(destination, batch->recipients.size());
}

// Ends claims of which nothing was begun.
void Dispatcher::GiveBack(const Shared& destination, std::vector<std::shared_ptr<Batch>> batches) {
  if (batches.empty()) return;
  auto shared = std::make_shared<std::vector<std::shared_ptr<Batch>>>(std::move(batches));
  const TimePoint due = parts_.around.clock.Now();
  parts_.around.database.Run(
      [owner = owner_, shared, due](store::Tx& tx) -> Status {
        for (const auto& batch : *shared) {
          for (const QueuedRecipient& recipient : batch->recipients) {
            SEKISHO_RETURN_IF_ERROR(ReleaseRow(tx, batch->KeyOf(recipient), owner, due));
          }
        }
        return Ok();
      },
      Behind(gate_, [this, destination, shared, due](const Status& status) {
        size_t recipients = 0;
        const std::scoped_lock lock(mutex_);
        for (const auto& batch : *shared) {
          recipients += batch->recipients.size();
          LetGoLocked(std::exchange(batch->held, 0));
        }
        if (status.ok()) {
          destination->queued += recipients;
          destination->next_due = std::min(destination->next_due, due);
          destination->due_since_claim = std::min(destination->due_since_claim, due);
          ScheduleLocked(destination);
        } else {
          parts_.metrics.CountLostClaims(recipients);  // found again after the next start
        }
        ReleaseLocked(destination, recipients);
      }));
}

void Dispatcher::NoteQueued(const DestinationName& name, uint64_t recipients) {
  const Result<Shared> destination = Find(name);
  if (!destination.ok()) return;
  const TimePoint now = parts_.around.clock.Now();
  const std::scoped_lock lock(mutex_);
  (*destination)->queued += recipients;
  (*destination)->next_due = std::min((*destination)->next_due, now);
  (*destination)->due_since_claim = std::min((*destination)->due_since_claim, now);
  ScheduleLocked(*destination);
}

void Dispatcher::NoteRecalled(std::string_view index, State waited_as) {
  const std::scoped_lock lock(mutex_);
  const auto found = by_index_.find(index);
  if (found == by_index_.end()) return;
  uint64_t& count = waited_as == State::kDeferred ? found->second->deferred : found->second->queued;
  count -= std::min<uint64_t>(count, 1);
}

}  // namespace sekisho::delivery
