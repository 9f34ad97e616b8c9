#pragma once
// The encryption service, wired: seals what was cleared, tells passwords, keeps certificates.

#include <memory>

#include "sekisho/config/v1/config.pb.h"
#include "services/encryption/adapters/encryption_rpc.h"
#include "services/encryption/adapters/key_book.h"
#include "services/encryption/adapters/processor.h"
#include "shared/content/content.h"
#include "shared/rpc/auth.h"
#include "shared/stage/stage.h"

namespace sekisho::encryption {

class App {
 public:
  // All outlive it.
  App(const config::v1::Config& config, const stage::Surroundings& surroundings, content::Store& content,
      const rpc::Authenticator& authenticator);
  ~App();

  // Errors: kInvalid, naming a certificate or key file and what is wrong with it.
  Status Start();
  void Drain();
  grpc::Service& service() { return rpc_; }
  stage::Stage& stage() { return *stage_; }

 private:
  KeyBook book_;
  Processor processor_;
  EncryptionRpc rpc_;
  std::unique_ptr<stage::Stage> stage_;
  int metrics_ = 0;
};

}  // namespace sekisho::encryption
