#pragma once
// Who is sent when, over which connection. It knows each destination in memory as numbers (how many wait in the
// database, when the next is due) and holds only what it claimed, which is bounded for each destination and in all; the
// excess stays in the database.
//
//   Admit (claimed as it arrived) ┐
//                                 ├▶ ready ─▶ a connection is free ─▶ Outlet::Send ─▶ Settler ─▶ forgotten, or waits
//                                 again
//   due in the database ─ claim ──┘
//
// A claim is durable before anything of it is sent. Thread safe.

#include <condition_variable>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "services/delivery/adapters/destination.h"
#include "services/delivery/adapters/gate.h"
#include "services/delivery/adapters/metrics.h"
#include "services/delivery/adapters/outlet.h"
#include "services/delivery/adapters/owners.h"
#include "services/delivery/adapters/preparer.h"
#include "services/delivery/adapters/settler.h"
#include "services/delivery/domain/clock_watch.h"
#include "shared/stage/stage.h"

namespace sekisho::delivery {

class Dispatcher {
 public:
  struct Limits {
    size_t in_flight = 2000;  // recipients claimed at once
    size_t in_flight_per_destination = 200;
    uint64_t memory = 128 << 20;  // octets of content kept in memory, or one mail
    size_t connections = 200;
    size_t connections_per_destination = 20;
    Duration idle = std::chrono::seconds(15);  // then an unused connection is closed
    // How long a destination that could not be reached is left alone: doubled each time in a row, up to the longest.
    Duration first_hold = std::chrono::seconds(1);
    Duration longest_hold = std::chrono::seconds(60);
    Duration longest_wait = std::chrono::hours(4);  // a row due later than this was written by another clock
    Duration lease = std::chrono::minutes(30);      // of a claim; longer than an attempt can take
  };
  // What it works with; all outlive it. `workers` has room for every claim.
  struct Parts {
    const stage::Surroundings& around;
    const RouteTable& routes;
    OutletMaker& outlets;
    const Preparer& preparer;
    Settler& settler;
    WorkerPool& workers;
    Metrics& metrics;
    const Owners& owners;
  };

  // Room for something that arrived. Gives it back unless it is admitted. The dispatcher outlives it.
  class Reservation {
   public:
    Reservation(Dispatcher& dispatcher, std::shared_ptr<Destination> destination, size_t recipients, uint64_t octets)
        : dispatcher_(dispatcher), destination_(std::move(destination)), recipients_(recipients), octets_(octets) {}
    Reservation(const Reservation&) = delete;
    Reservation& operator=(const Reservation&) = delete;
    ~Reservation();

    // Whether there is memory for the content too: else it is prepared when a connection is free.
    bool may_prepare() const { return octets_ > 0; }
    // The claim of `batch` is durable: it is sent as soon as a connection is free.
    void Admit(std::shared_ptr<Batch> batch);

   private:
    Dispatcher& dispatcher_;
    const std::shared_ptr<Destination> destination_;
    size_t recipients_;
    uint64_t octets_;
  };

  // `owner`: under which rows are claimed.
  Dispatcher(const Limits& limits, std::string owner, const Parts& parts);
  ~Dispatcher();

  // Learns what waits in the database and starts its thread. What a process that died had claimed was taken over before
  // (recovery.h).
  Status Start();
  // Claims nothing more, gives back what wasn't begun, lets what is being sent finish within `limit`, and breaks off
  // the rest. Nothing calls back after it. Idempotent.
  void Drain(Duration limit);

  // Room for `recipients` more of a mail of `octets`, or null: they must wait in the database, since there is none, or
  // others wait already, or the destination is suspended or could not be reached.
  std::unique_ptr<Reservation> Reserve(const DestinationName& name, size_t recipients, uint64_t octets);
  // So many recipients wait in the database since now, due at once.
  void NoteQueued(const DestinationName& name, uint64_t recipients);
  // A row that waited was recalled.
  void NoteRecalled(std::string_view index, State waited_as);

  // The blind index of a destination, as rows have it.
  Result<std::string> IndexOf(const DestinationName& name);

  struct Summary {
    DestinationName name;
    std::string index;
    uint64_t queued = 0, sending = 0, deferred = 0;
    TimePoint next_attempt = TimePoint::max();  // max: none
    bool suspended = false;
    std::string last_error;
  };
  std::vector<Summary> Summaries() const;

  // A route or a domain, as its operator calls it; durable before they return. Errors: kInvalid (neither).
  Status Suspend(const std::string& name);
  // What waits for later is due at once.
  Status Resume(const std::string& name);

  // Learns what other replicas put into the database: rows that wait, destinations that were suspended or resumed.
  // Where there can be any, its thread does so every kRefresh.
  static constexpr Duration kRefresh = std::chrono::seconds(10);
  Status Refresh();

  // Looks at the clock again: for tests that move it.
  void Wake();

 private:
  struct Idle {
    std::shared_ptr<Destination> destination;
    std::shared_ptr<Outlet> outlet;
    std::chrono::steady_clock::time_point since;
  };
  struct Unsettled {
    std::shared_ptr<Destination> destination;
    std::shared_ptr<Batch> batch;
    Report report;
    TimePoint at;
  };
  using Shared = std::shared_ptr<Destination>;
  using Actions = std::vector<std::function<void()>>;  // done after the lock is released, in order

  // dispatcher.cc: room, connections, outcomes
  Result<Shared> Find(const DestinationName& name);
  size_t RoomLocked(const Destination& destination) const;
  void ReleaseLocked(const Shared& destination, size_t recipients);
  bool HoldLocked(Batch& batch);
  void LetGoLocked(uint64_t octets);
  void TakeIn(const Shared& destination, std::shared_ptr<Batch> batch);
  void DriveLocked(const Shared& destination, Actions& actions);
  bool MayOpenLocked(const Shared& destination, Actions& actions);
  void DropOldestIdleLocked(Actions& actions);
  void OnOpened(const Shared& destination, OutletMaker::Opened opened);
  bool UseLocked(const Shared& destination, std::shared_ptr<Outlet> outlet, bool fresh, Actions& actions);
  void IdleLocked(const Shared& destination, std::shared_ptr<Outlet> outlet, Actions& actions);
  void Send(const Shared& destination, const std::shared_ptr<Outlet>& outlet, const std::shared_ptr<Batch>& batch);
  void OnSent(const Shared& destination, const std::shared_ptr<Outlet>& outlet, const std::shared_ptr<Batch>& batch,
              Outlet::Sent sent);
  void CloseLocked(const Shared& destination, std::shared_ptr<Outlet> outlet, Actions& actions);
  void FailReadyLocked(const Shared& destination, const OutletMaker::Failure& failure, Actions& actions);
  void Settle(const Shared& destination, const std::shared_ptr<Batch>& batch, const Report& report);
  void OnSettled(const Shared& destination, const std::shared_ptr<Batch>& batch, Report report,
                 const Result<Settled>& settled);
  void GiveBack(const Shared& destination, std::vector<std::shared_ptr<Batch>> batches);

  // dispatcher_claims.cc: the agenda, claims from the database
  void ScheduleLocked(const Shared& destination);
  void Loop();
  void WakeLocked();
  void WatchClockLocked(TimePoint now, Actions& actions);
  void QuenchLocked(Actions& actions);
  void WorkAgendaLocked(TimePoint now, Actions& actions);
  void CloseIdleLocked(Actions& actions);
  void RetryUnsettledLocked(TimePoint now, Actions& actions);
  void ForgetLocked();
  void RefreshLocked(Actions& actions);
  Duration PauseLocked(TimePoint now) const;
  void ClaimLocked(const Shared& destination, TimePoint now, Actions& actions);
  void OnClaimed(const Shared& destination, size_t asked, const Result<std::vector<QueueRow>>& rows,
                 TimePoint next_due);
  void Load(const Shared& destination, const std::vector<QueueRow>& rows);
  void RescheduleFarOff();
  void SetAside(const Shared& destination, std::vector<RowKey> unreadable);

  // dispatcher_view.cc: start, what an operator sees and does
  Result<DestinationName> NameOf(const QueueRow& row) const;
  Result<std::vector<DestinationName>> Parse(const std::string& name) const;
  struct InDatabase;
  Result<InDatabase> Look() const;
  Status TakeNotice(const InDatabase& found);
  void NoteSuspensionChange();
  void SetSuspended(const Shared& destination, bool suspended);

  const Limits limits_;
  const std::string owner_;
  const Parts parts_;
  const std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();  // of all call-backs

  mutable std::mutex mutex_;
  std::condition_variable wake_;     // of Loop: `woken_` or `stopped_` was set
  std::condition_variable drained_;  // of Drain: something in flight came to its end
  std::map<DestinationName, Shared> destinations_;
  std::map<std::string, Shared, std::less<>> by_index_;
  std::set<std::pair<TimePoint, Shared>> agenda_;  // when a destination has something to claim
  std::vector<Shared> crowded_;                    // due, but there was no room in all
  std::set<Shared> thirsty_;                       // ready, but there was no memory in all
  std::deque<Shared> starved_;                     // ready, but there was no connection in all
  std::list<Idle> idle_;                           // unused connections, the longest unused first
  std::map<std::shared_ptr<Outlet>, bool> busy_;   // true: just opened, so that its being closed says something
  std::vector<Unsettled> unsettled_;               // sent, and its outcome could not be written yet
  size_t in_flight_ = 0, lanes_ = 0;
  uint64_t memory_ = 0;
  ClockWatch clock_watch_;
  std::chrono::steady_clock::time_point next_refresh_{};
  uint64_t suspension_changes_ = 0;  // by this process's operators
  bool stopping_ = false, stopped_ = false, woken_ = false;
  std::thread thread_;
};

}  // namespace sekisho::delivery
