#pragma once
// The ledger service: the journal into timelines, and who may see them.

#include <memory>

#include "sekisho/config/v1/config.pb.h"
#include "services/ledger/adapters/ledger_rpc.h"
#include "services/ledger/adapters/recorder.h"
#include "shared/base/periodic.h"
#include "shared/rpc/auth.h"
#include "shared/runtime/service.h"
#include "shared/stage/stage.h"

namespace sekisho::ledger {

class App final : public runtime::Service {
 public:
  // All outlive it.
  App(const config::v1::Config& config, const stage::Surroundings& surroundings,
      const rpc::Authenticator& authenticator);
  ~App() override { Drain({}); }

  Status Start() override;
  void Drain(Duration limit) override;
  std::vector<grpc::Service*> rpcs() override { return {&rpc_}; }
  stage::Stage& stage() override { return *stage_; }

 private:
  Periodic::Next Sweep();

  const config::v1::Config& config_;
  const stage::Surroundings around_;
  Recorder recorder_;
  LedgerRpc rpc_;
  std::unique_ptr<stage::Stage> stage_;
  Periodic sweeper_;
};

// As a program hosts it. `environment` outlives it.
std::unique_ptr<runtime::Service> MakeService(const runtime::Environment& environment);

}  // namespace sekisho::ledger
