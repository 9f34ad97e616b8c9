#pragma once
// The policy service: judges submitted mail, learns from outcomes, watches its document, answers PolicyService.

#include <memory>
#include <string>
#include <vector>

#include "sekisho/config/v1/config.pb.h"
#include "services/policy/adapters/check_mail.h"
#include "services/policy/adapters/judge.h"
#include "services/policy/adapters/policy_rpc.h"
#include "services/policy/adapters/submitted_processor.h"
#include "shared/base/periodic.h"
#include "shared/content/content.h"
#include "shared/directory/directory.h"
#include "shared/rpc/auth.h"
#include "shared/sandbox/sandbox.h"
#include "shared/stage/stage.h"

namespace sekisho::policy {

class App final : private stage::Processor {
 public:
  // All outlive it. `config` has its defaults filled in.
  App(const config::v1::Config& config, const stage::Surroundings& surroundings, content::Store& content,
      directory::Directory& directory, sandbox::Sandbox& sandbox, const rpc::Authenticator& authenticator);
  ~App() override;  // Drain()

  // Makes the tables, loads the document, then judges. Errors: kInvalid with every problem of the document.
  Status Start();
  // Finishes what is in work. Idempotent.
  void Drain();

  grpc::Service& service() { return rpc_; }
  stage::Stage& stage() { return *stage_; }

  // PolicyService.CheckMail, for intake in the same process. Blocks.
  Result<v1::CheckMailResponse> CheckMail(const v1::CheckMailRequest& request) const {
    return policy::CheckMail(judge_, request);
  }

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

}  // namespace sekisho::policy
