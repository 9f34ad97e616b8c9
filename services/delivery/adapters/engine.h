#pragma once
// The queue with everything but the network: what arrives at `sealed` and `control`, the rows, the dispatcher, the
// outcomes. What opens connections is given to it.

#include <memory>
#include <string>

#include "services/delivery/adapters/dispatcher.h"
#include "services/delivery/adapters/metrics.h"
#include "services/delivery/adapters/preparer.h"
#include "services/delivery/adapters/processor.h"
#include "services/delivery/adapters/settler.h"
#include "services/delivery/domain/retry_schedule.h"
#include "services/delivery/domain/route_table.h"
#include "shared/base/periodic.h"
#include "shared/content/content.h"
#include "shared/mailauth/dkim_signer.h"
#include "shared/stage/stage.h"

namespace sekisho::delivery {

class Engine {
 public:
  struct Options {
    RouteTable routes;
    RetrySchedule schedule;
    Dispatcher::Limits limits;
    Duration alive = std::chrono::seconds(60);  // Owners' lease
    notice::Writer::Options notices;  // with the hostname that is ours everywhere
  };
  // All outlive it.
  Engine(Options options, const stage::Surroundings& surroundings, content::Store& content,
         const mailauth::DkimSigner& signer, OutletMaker& outlets, observe::Metrics& registry);
  ~Engine();

  // Makes the tables, sets right what the last process left, and begins.
  Status Start();
  // Makes what dead processes had claimed wait again, due now; gives how many. Its own thread does so every
  // Owners::renew_every(). Not for two threads at a time.
  Result<uint64_t> TakeOverDead();
  // Takes nothing more in, finishes what is being sent within `limit`. Idempotent.
  void Drain(Duration limit);

  Dispatcher& dispatcher() { return dispatcher_; }
  stage::Stage& stage() { return *stage_; }

 private:
  void CountQueue();

  const Options options_;
  observe::Metrics& registry_;
  int on_collect_ = 0;
  const std::string owner_;  // this process, in claims
  const stage::Surroundings around_;
  Metrics metrics_;
  WorkerPool workers_;
  const Preparer preparer_;
  Settler settler_;
  Owners owners_;
  Dispatcher dispatcher_;
  Processor processor_;
  const std::unique_ptr<stage::Stage> stage_;
  Periodic heartbeat_;
};

}  // namespace sekisho::delivery
