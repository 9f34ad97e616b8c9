#pragma once
// Makes the outcome of an attempt durable, in one transaction: rows, `outcome`, `journal`, and the notices that senders
// get, which enter at `sealed` as mails of their own. Thread safe.

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "services/delivery/adapters/batch.h"
#include "services/delivery/adapters/metrics.h"
#include "services/delivery/domain/clock_watch.h"
#include "services/delivery/domain/decision.h"
#include "shared/content/content.h"
#include "shared/notice/writer.h"
#include "shared/stage/stage.h"

namespace sekisho::delivery {

// What waits again after an attempt.
struct Settled {
  uint64_t deferred = 0;
  TimePoint next_due = TimePoint::max();
};

class Settler {
 public:
  struct Options {
    RetrySchedule schedule;
    std::string owner;  // under which rows are held
    notice::Writer::Options notices;
  };
  Settler(Options options, const stage::Surroundings& surroundings, content::Store& content, const RouteTable& routes,
          WorkerPool& workers, Metrics& metrics);

  // Never blocks: notices are written on `workers`. `done` is called once: on the database's thread, or on this one.
  // After an error nothing was written: settle again later.
  void Settle(std::shared_ptr<const Batch> batch, Report report, std::function<void(Result<Settled>)> done);

  // Inside a transaction: these recipients of a mail were taken back.
  Status WriteRecalled(stage::Outbox& outbox, const keys::MailKey& key, const mail::v1::Parcel& about,
                       const std::vector<std::string>& recipients, const std::string& actor) const;

 private:
  struct Settlement;

  std::vector<Decision> DecideAll(const Batch& batch, const Report& report) const;
  Status WriteNotices(Settlement& settlement) const;
  void Commit(const std::shared_ptr<Settlement>& settlement, std::function<void(Result<Settled>)> done);
  // None when nobody is to be told of `action`.
  Result<std::optional<notice::SystemMail>> WriteNotice(const Settlement& settlement, DsnAction action) const;
  Status Apply(const Settlement& settlement, store::Tx& tx, stage::Outbox& outbox) const;
  Status Tell(const Settlement& settlement, stage::Outbox& outbox) const;
  static std::string WhoIsTold(const Settlement& settlement, std::optional<DsnAction> action);
  void Count(const Settlement& settlement) const;

  const Options options_;
  const stage::Surroundings around_;
  content::Store& content_;
  const RouteTable& routes_;
  const notice::Writer notices_;
  WorkerPool& workers_;
  Metrics& metrics_;
  // While the wall clock was set a short time ago, nobody is given up for having waited too long by it.
  bool IsForgiving(TimePoint now) const;
  mutable std::mutex clock_mutex_;
  mutable ClockWatch clock_watch_;
  mutable std::chrono::steady_clock::time_point forgiving_until_{};
  stage::Committer committer_;
};

}  // namespace sekisho::delivery
