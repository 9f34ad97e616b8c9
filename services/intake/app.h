#pragma once
// The intake service: both doors, and the end of each mail's content.

#include <memory>
#include <vector>

#include "sekisho/config/v1/config.pb.h"
#include "services/intake/adapters/acceptor.h"
#include "services/intake/adapters/auth_rpc.h"
#include "services/intake/adapters/closer.h"
#include "services/intake/adapters/intake_rpc.h"
#include "services/intake/adapters/smtp_door.h"
#include "services/intake/adapters/traces.h"
#include "shared/base/periodic.h"
#include "shared/content/content.h"
#include "shared/directory/directory.h"
#include "shared/net/io_pool.h"
#include "shared/rpc/auth.h"
#include "shared/runtime/service.h"
#include "shared/stage/stage.h"

namespace sekisho::intake {

// What intake asks of other services.
struct Neighbours {
  LedgerChannel ledger;
  CheckMailFn check_mail;
  std::function<uint64_t()> policy_backlog;  // records that wait to be judged
};

class App final : public runtime::Service {
 public:
  // All outlive it. `config` has its defaults filled in.
  App(const config::v1::Config& config, const stage::Surroundings& surroundings, content::Store& content,
      directory::Directory& directory, const rpc::Authenticator& authenticator, net::IoPool& io, Neighbours neighbours);
  ~App() override;

  // Makes the tables and starts to read outcomes. The doors stay shut.
  Status Start() override;
  // Opens the SMTP listeners. Errors: kUnavailable (an address is taken), kInvalid (a TLS file).
  Status OpenDoors() override;
  // Takes no new mail, finishes what is under way within `limit`.
  void CloseDoors(Duration limit) override;
  void Drain(Duration limit) override;

  std::vector<grpc::Service*> rpcs() override { return {&auth_rpc_, &intake_rpc_}; }
  stage::Stage& stage() override { return *stage_; }

 private:
  void Sweep();

  const config::v1::Config& config_;
  const stage::Surroundings around_;
  content::Store& content_;
  const std::shared_ptr<smtp::LoginGuard> logins_;  // of every door
  Acceptor acceptor_;
  Traces traces_;
  AuthRpc auth_rpc_;
  IntakeRpc intake_rpc_;
  SmtpDoor smtp_door_;
  Closer closer_;
  std::unique_ptr<stage::Stage> stage_;
  Periodic sweeper_;
};

// As a program hosts it. `environment` outlives it.
std::unique_ptr<runtime::Service> MakeService(const runtime::Environment& environment);

}  // namespace sekisho::intake
