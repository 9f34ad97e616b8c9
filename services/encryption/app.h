#pragma once
// The encryption service, wired: seals what was cleared, tells passwords, keeps certificates.

#include <memory>

#include "sekisho/config/v1/config.pb.h"
#include "services/encryption/adapters/encryption_rpc.h"
#include "services/encryption/adapters/key_book.h"
#include "services/encryption/adapters/processor.h"
#include "shared/content/content.h"
#include "shared/rpc/auth.h"
#include "shared/runtime/service.h"
#include "shared/stage/stage.h"

namespace sekisho::encryption {

class App final : public runtime::Service {
 public:
  // All outlive it.
  App(const config::v1::Config& config, const stage::Surroundings& surroundings, content::Store& content,
      const rpc::Authenticator& authenticator);
  ~App() override { Drain({}); }

  // Errors: kInvalid, naming a certificate or key file and what is wrong with it.
  Status Start() override;
  void Drain(Duration limit) override;
  std::vector<grpc::Service*> rpcs() override { return {&rpc_}; }
  stage::Stage& stage() override { return *stage_; }

 private:
  KeyBook book_;
  Processor processor_;
  EncryptionRpc rpc_;
  std::unique_ptr<stage::Stage> stage_;
  int metrics_ = 0;
};

// As a program hosts it. `environment` outlives it.
std::unique_ptr<runtime::Service> MakeService(const runtime::Environment& environment);

}  // namespace sekisho::encryption
