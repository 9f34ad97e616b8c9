#pragma once
// The policy service: judges submitted mail, learns from outcomes, watches its document, answers PolicyService.

#include <memory>
#include <string>
#include <vector>

#include "sekisho/config/v1/config.pb.h"
#include "services/policy/adapters/judge.h"
#include "services/policy/adapters/policy_rpc.h"
#include "services/policy/adapters/submitted_processor.h"
#include "shared/base/periodic.h"
#include "shared/content/content.h"
#include "shared/directory/directory.h"
#include "shared/rpc/auth.h"
#include "shared/runtime/service.h"
#include "shared/sandbox/sandbox.h"
#include "shared/stage/stage.h"

namespace sekisho::policy {

class App final : public runtime::Service, private stage::Processor {
 public:
  // All outlive it. `config` has its defaults filled in.
  App(const config::v1::Config& config, const stage::Surroundings& surroundings, content::Store& content,
      directory::Directory& directory, sandbox::Sandbox& sandbox, const rpc::Authenticator& authenticator);
  ~App() override;  // Drain()

  // Makes the tables, loads the document, then judges. Errors: kInvalid with every problem of the document.
  Status Start() override;
  // Finishes what is in work. Idempotent.
  void Drain(Duration limit) override;

  std::vector<grpc::Service*> rpcs() override { return {&rpc_}; }
  stage::Stage& stage() override { return *stage_; }

 private:
  Result<stage::Effects> Process(const stage::Input& input) override;

  const stage::Surroundings around_;
  const Duration reload_interval_;
  PolicySource source_;
  Contacts contacts_;
  MailReader reader_;
  Judge judge_;
  SubmittedProcessor submitted_;
  PolicyRpc rpc_;
  std::unique_ptr<stage::Stage> stage_;
  Periodic watcher_;  // of the document's file
};

// As a program hosts it. `environment` outlives it.
std::unique_ptr<runtime::Service> MakeService(const runtime::Environment& environment);

}  // namespace sekisho::policy
