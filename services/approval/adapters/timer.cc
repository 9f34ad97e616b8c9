#include "services/approval/adapters/timer.h"

#include <latch>

#include "shared/base/failpoint.h"
#include "shared/observe/log.h"

namespace sekisho::approval {
namespace {

constexpr auto kLook = std::chrono::milliseconds(250);
constexpr int64_t kAtOnce = 200;                        // parcels in one transaction
constexpr Duration kSoon = std::chrono::minutes(1);     // when something is away
constexpr Duration kMuchLater = std::chrono::hours(1);  // when its row can't be opened
constexpr Duration kRemembered = std::chrono::hours(7 * 24);
constexpr auto kForgetEvery = std::chrono::hours(1);

}  // namespace

struct Timer::Due {
  Row row;
  std::shared_ptr<Change> change;
  Duration put_off{};  // when there is no change: how long until the next try
};

Timer::Timer(const stage::Surroundings& around, directory::Directory& directory, const Clerk& clerk,
             observe::Metrics& metrics)
    : around_(around),
      directory_(directory),
      clerk_(clerk),
      committer_(around, kSchema),
      released_(metrics.GetCounter("sekisho_approval_decided_total", "Parcels decided about", {{"event", "due"}})),
      expired_(metrics.GetCounter("sekisho_approval_decided_total", "Parcels decided about", {{"event", "expired"}})),
      jumps_(metrics.GetCounter("sekisho_approval_clock_jumps_total",
                                "Jumps of the wall clock; each pauses what is due for 10 minutes")),
      failures_(
          metrics.GetCounter("sekisho_approval_due_failures_total", "Due parcels that could not go their way yet")) {}

Timer::~Timer() { Stop(); }

void Timer::Start() {
  static_cast<void>(guard_.Trust(around_.clock.Now(), around_.clock.Steady()));  // from here on jumps are seen
  looks_.Start("approval:timer", kLook, [this] { return Look(); });
}

void Timer::Stop() { looks_.Stop(); }

Periodic::Next Timer::Look() {
  const auto done = RunDue();
  if (!done.ok()) {
    failures_.Add();
    observe::Log(observe::Level::kWarn, "approval.due_failed", {{"error", done.error()}});
    return Periodic::Next::kLater;
  }
  return *done == static_cast<size_t>(kAtOnce) ? Periodic::Next::kAtOnce : Periodic::Next::kLater;
}

Result<size_t> Timer::RunDue() {
  const TimePoint now = around_.clock.Now();
  const auto steady = around_.clock.Steady();
  const uint64_t jumps_before = guard_.jumps();
  const bool trusted = guard_.Trust(now, steady);
  if (guard_.jumps() != jumps_before) {
    jumps_.Add();
    observe::Log(observe::Level::kError, "approval.clock_jumped",
                 {{"paused_seconds", ClockGuard::kPause.count() / 1'000'000}});
  }
  if (!trusted) return size_t{0};
  if (steady >= next_forget_) {
    SEKISHO_RETURN_IF_ERROR(Forget(now));
    next_forget_ = steady + kForgetEvery;
  }

  SEKISHO_TRY(const std::vector<Due> due, PrepareDue(now));
  if (due.empty()) return size_t{0};
  if (Failpoint("approval.before_due")) return MakeError(Code::kUnavailable, "failpoint approval.before_due");
  return CommitDue(due, now);
}

// Each in a transaction function of its own, so that one that fails leaves the others alone; the store syncs them
// together.
size_t Timer::CommitDue(const std::vector<Due>& due, TimePoint now) {
  std::latch all(static_cast<ptrdiff_t>(due.size()));
  std::vector<Status> results(due.size());
  for (size_t i = 0; i < due.size(); ++i) {
    const Due& each = due[i];
    committer_.Commit(
        [&each, now](store::Tx& tx, stage::Outbox& outbox) -> Status {
          if (each.change != nullptr) return Clerk::Apply(*each.change, tx, outbox);
          SEKISHO_RETURN_IF_ERROR(Postpone(tx, each.row.parcel, each.row.version, now + each.put_off));
          return Ok();
        },
        [&all, &result = results[i]](const Status& status) {
          result = status;
          all.count_down();
        },
        each.change != nullptr ? each.change->traceparent : "");
  }
  all.wait();
  size_t done = 0;
  for (size_t i = 0; i < due.size(); ++i) {
    if (!results[i].ok() && results[i].error().code == Code::kCancelled) continue;  // somebody else was faster
    if (!results[i].ok() || due[i].change == nullptr) {
      failures_.Add();
      continue;
    }
    ++done;
    (due[i].row.state == State::kTimed ? released_ : expired_).Add();
  }
  return done;
}

Result<std::vector<Timer::Due>> Timer::PrepareDue(TimePoint now) {
  std::vector<Row> rows;
  SEKISHO_RETURN_IF_ERROR(around_.database.Read([&](store::Tx& tx) -> Status {
    SEKISHO_TRY(rows, DueRows(tx, now, kAtOnce));
    return Ok();
  }));
  std::vector<Due> due;
  if (rows.empty()) return due;
  const DirectoryPeople people(directory_.Current());
  for (Row& row : rows) {
    Due& each = due.emplace_back(Due{row, nullptr, {}});
    auto change = PrepareOne(std::move(row), people);
    if (change.ok()) {
      each.change = *std::move(change);
      continue;
    }
    each.put_off = change.error().retry == Retry::kLater ? kSoon : kMuchLater;
    observe::Log(
        observe::Level::kError, "approval.due_put_off",
        {{"parcel", each.row.parcel.ToString()}, {"mail", each.row.mail.ToString()}, {"error", change.error()}});
  }
  return due;
}

Result<std::shared_ptr<Change>> Timer::PrepareOne(Row row, const DirectoryPeople& people) const {
  const Event event = OnTime(row.state);
  SEKISHO_TRY(const Transition* transition, Decide(row.state, event, kTime));
  SEKISHO_TRY(const Held held, OpenRow(around_.keys, std::move(row)));
  return clerk_.Prepare(held, {transition, event, {}, "", "", ""}, Authority(held.origin(), people));
}

Status Timer::Forget(TimePoint now) {
  return around_.database.RunAndWait([&](store::Tx& tx) { return DeleteBefore(tx, now - kRemembered); });
}

}  // namespace sekisho::approval
