// The agenda: which destination has something due, and the claims that bring it into memory.

#include <pthread.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "services/delivery/adapters/dispatcher.h"
#include "shared/base/failpoint.h"
#include "shared/observe/log.h"

namespace sekisho::delivery {
namespace {

constexpr Duration kAfterRefusal = std::chrono::seconds(1);  // the database refused a claim
constexpr Duration kUnreadableRest = std::chrono::hours(4);  // of a row whose key isn't there
constexpr Duration kClockTolerance = std::chrono::hours(1);
constexpr int64_t kRescheduledAtOnce = 2000;      // rows in one transaction
constexpr size_t kRememberedDestinations = 1000;  // more are forgotten when nothing is left for them

}  // namespace

// Puts the destination where it belongs in the agenda.
void Dispatcher::ScheduleLocked(const Shared& destination) {
  if (destination->agenda_at != TimePoint::max()) agenda_.erase({destination->agenda_at, destination});
  destination->agenda_at = TimePoint::max();
  const bool waits = destination->next_due != TimePoint::max();
  if (!waits || destination->suspended || destination->claiming || destination->crowded || stopping_) return;
  destination->agenda_at = std::max(destination->next_due, destination->hold_until);
  const auto [place, added] = agenda_.emplace(destination->agenda_at, destination);
  if (place == agenda_.begin()) WakeLocked();
}

void Dispatcher::Loop() {
  pthread_setname_np(pthread_self(), "dispatcher");
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    woken_ = false;
    Actions actions;
    const TimePoint now = parts_.around.clock.Now();
    WatchClockLocked(now, actions);
    QuenchLocked(actions);
    WorkAgendaLocked(now, actions);
    CloseIdleLocked(actions);
    RetryUnsettledLocked(now, actions);
    ForgetLocked();
    RefreshLocked(actions);
    if (!actions.empty()) {
      lock.unlock();
      for (const auto& action : actions) action();
      actions.clear();
      lock.lock();
      continue;
    }
    wake_.wait_for(lock, PauseLocked(now), [&] { return woken_ || stopped_; });
  }
}

// A wall clock that was set: what is due far in the future was written by the one before, and nothing is given up for a
// while.
void Dispatcher::WatchClockLocked(TimePoint now, Actions& actions) {
  const std::optional<Duration> jump = clock_watch_.Look(now, parts_.around.clock.Steady());
  if (!jump) return;
  observe::Log(observe::Level::kWarn, "delivery.clock_jumped", {{"seconds", jump->count() / 1'000'000}});
  parts_.metrics.CountClockJump();
  actions.push_back([this] { RescheduleFarOff(); });
}

// There is memory again.
void Dispatcher::QuenchLocked(Actions& actions) {
  for (const Shared& destination : std::exchange(thirsty_, {})) {
    destination->thirsty = false;
    DriveLocked(destination, actions);
  }
}

void Dispatcher::WorkAgendaLocked(TimePoint now, Actions& actions) {
  while (!agenda_.empty() && agenda_.begin()->first <= now) {
    const Shared destination = agenda_.begin()->second;
    agenda_.erase(agenda_.begin());
    destination->agenda_at = TimePoint::max();
    if (RoomLocked(*destination) > 0) {
      ClaimLocked(destination, now, actions);
    } else if (destination->in_flight >= limits_.in_flight_per_destination) {
      destination->crowded = true;
    } else {
      crowded_.push_back(destination);
    }
  }
}

void Dispatcher::CloseIdleLocked(Actions& actions) {
  const auto oldest = parts_.around.clock.Steady() - limits_.idle;
  while (!idle_.empty() && idle_.front().since <= oldest) DropOldestIdleLocked(actions);
}

void Dispatcher::RetryUnsettledLocked(TimePoint now, Actions& actions) {
  for (Unsettled& due : std::exchange(unsettled_, {})) {
    if (due.at > now) {
      unsettled_.push_back(std::move(due));
    } else {
      actions.push_back([this, due] { Settle(due.destination, due.batch, due.report); });
    }
  }
}

void Dispatcher::ForgetLocked() {
  if (destinations_.size() <= kRememberedDestinations) return;
  std::erase_if(destinations_, [&](const auto& entry) {
    const Shared& destination = entry.second;
    if (destination.use_count() > 2 || !destination->IsForgettable()) return false;  // somebody is about to use it
    by_index_.erase(destination->index);
    return true;
  });
}

void Dispatcher::RefreshLocked(Actions& actions) {
  const auto steady = parts_.around.clock.Steady();
  if (parts_.around.database.sole_process() || steady < next_refresh_) return;
  next_refresh_ = steady + kRefresh;
  actions.push_back([this] { static_cast<void>(Refresh()); });  // else the next time
}

// How long nothing will be due. The wall clock may jump: never longer than a second.
Duration Dispatcher::PauseLocked(TimePoint now) const {
  TimePoint next = now + std::chrono::seconds(1);
  if (!agenda_.empty()) next = std::min(next, agenda_.begin()->first);
  for (const Unsettled& waiting : unsettled_) next = std::min(next, waiting.at);
  return std::clamp(next - now, Duration(std::chrono::milliseconds(1)), Duration(std::chrono::seconds(1)));
}

void Dispatcher::ClaimLocked(const Shared& destination, TimePoint now, Actions& actions) {
  const size_t asked = RoomLocked(*destination);
  destination->claiming = true;
  destination->due_since_claim = TimePoint::max();
  destination->in_flight += asked;
  in_flight_ += asked;
  struct Claim {
    std::vector<QueueRow> rows;
    TimePoint next_due;
  };
  auto claim = std::make_shared<Claim>();
  actions.push_back([this, destination, now, asked, claim] {
    parts_.around.database.Run(
        [this, destination, now, asked, claim](store::Tx& tx) -> Status {
          SEKISHO_TRY(claim->rows,
                      ClaimRows(tx, destination->index, owner_, now, now + limits_.lease, static_cast<int64_t>(asked)));
          SEKISHO_TRY(const auto next, NextDue(tx, destination->index));
          claim->next_due = next.value_or(TimePoint::max());
          return Ok();
        },
        Behind(gate_, [this, destination, asked, claim](const Status& status) {
          if (status.ok()) {
            OnClaimed(destination, asked, std::move(claim->rows), claim->next_due);
          } else {
            OnClaimed(destination, asked, status.error(), parts_.around.clock.Now() + kAfterRefusal);
          }
        }));
  });
}

void Dispatcher::OnClaimed(const Shared& destination, size_t asked, const Result<std::vector<QueueRow>>& rows,
                           TimePoint next_due) {
  static_cast<void>(Failpoint("delivery.claimed"));
  const size_t got = rows.ok() ? rows->size() : 0;
  {
    const std::scoped_lock lock(mutex_);
    destination->claiming = false;
    destination->next_due = std::min(next_due, destination->due_since_claim);
    for (size_t i = 0; i < got; ++i) {
      uint64_t& count = (*rows)[i].state == State::kDeferred ? destination->deferred : destination->queued;
      count -= std::min<uint64_t>(count, 1);
    }
    ScheduleLocked(destination);
    ReleaseLocked(destination, asked - got);
  }
  if (got == 0) return;
  // There is room for every claim, and each is in one task at most.
  SEKISHO_CHECK(parts_.workers.TryPost([this, destination, rows = *rows] { Load(destination, rows); }));
}

// Opens what was claimed and makes batches of it: recipients of one parcel go together.
void Dispatcher::Load(const Shared& destination, const std::vector<QueueRow>& rows) {
  std::map<std::pair<MailId, ParcelId>, std::vector<std::shared_ptr<Batch>>> parcels;
  std::vector<RowKey> unreadable;
  for (const QueueRow& row : rows) {
    auto opened = parts_.around.keys.Open(row.sealed, RowContext(row.key));
    mail::v1::Parcel parcel;
    if (!opened.ok() || !parcel.ParseFromString(opened->plaintext) || parcel.recipients_size() != 1) {
      unreadable.push_back(row.key);
      continue;
    }
    QueuedRecipient recipient{.recipient = parcel.recipients(0),
                              .index = row.key.index,
                              .attempts = row.attempts,
                              .queued_at = row.queued_at,
                              .noticed = row.noticed};
    auto& batches = parcels[{row.key.mail, row.key.parcel}];
    if (batches.empty() || batches.back()->recipients.size() == kMaxBatch) {
      parcel.clear_recipients();
      batches.push_back(std::make_shared<Batch>(Batch{
          row.key.mail, row.key.parcel, std::move(parcel), std::move(opened->key), "", destination->name, {}, {}, 0}));
    }
    batches.back()->recipients.push_back(std::move(recipient));
  }
  if (!unreadable.empty()) SetAside(destination, std::move(unreadable));
  for (auto& [key, batches] : parcels) {
    for (auto& batch : batches) {
      bool fits = false;
      {
        const std::scoped_lock lock(mutex_);
        fits = HoldLocked(*batch);
      }
      if (fits) batch->prepared = parts_.preparer.Prepare(*batch);
      TakeIn(destination, std::move(batch));
    }
  }
}

// A row whose key isn't there: its epoch was destroyed, or the key ring is another one. It is kept, for the latter can
// be mended.
void Dispatcher::SetAside(const Shared& destination, std::vector<RowKey> unreadable) {
  parts_.metrics.CountUnreadableRows(unreadable.size());
  const size_t count = unreadable.size();
  const TimePoint due = parts_.around.clock.Now() + kUnreadableRest;
  parts_.around.database.Run(
      [owner = owner_, due, unreadable = std::move(unreadable)](store::Tx& tx) -> Status {
        for (const RowKey& key : unreadable) SEKISHO_RETURN_IF_ERROR(DeferRow(tx, key, owner, due, false));
        return Ok();
      },
      Behind(gate_, [this, destination, count, due](const Status& status) {
        const std::scoped_lock lock(mutex_);
        if (status.ok()) {
          destination->deferred += count;
          destination->last_error = "rows cannot be opened: their key is not in the key ring";
          destination->next_due = std::min(destination->next_due, due);
          destination->due_since_claim = std::min(destination->due_since_claim, due);
          ScheduleLocked(destination);
        }
        ReleaseLocked(destination, count);
      }));
}

void Dispatcher::RescheduleFarOff() {
  const TimePoint now = parts_.around.clock.Now();
  std::set<std::string> moved;
  for (int64_t changed = kRescheduledAtOnce; changed == kRescheduledAtOnce;) {
    const Status done = parts_.around.database.RunAndWait([&](store::Tx& tx) -> Status {
      SEKISHO_TRY(const std::vector<std::string> destinations,
                  RescheduleRows(tx, now + limits_.longest_wait + kClockTolerance, now, kRescheduledAtOnce));
      changed = static_cast<int64_t>(destinations.size());
      moved.insert(destinations.begin(), destinations.end());
      return Ok();
    });
    if (!done.ok()) break;  // they are due in their time, or after the next start
  }
  const std::scoped_lock lock(mutex_);
  for (const std::string& index : moved) {
    const auto found = by_index_.find(index);
    if (found == by_index_.end()) continue;
    found->second->next_due = std::min(found->second->next_due, now);
    found->second->due_since_claim = std::min(found->second->due_since_claim, now);
    ScheduleLocked(found->second);
  }
}

void Dispatcher::Wake() {
  const std::scoped_lock lock(mutex_);
  WakeLocked();
}

void Dispatcher::WakeLocked() {
  woken_ = true;
  wake_.notify_one();
}

}  // namespace sekisho::delivery
