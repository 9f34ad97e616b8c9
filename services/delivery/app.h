#pragma once
// The delivery service, wired: the queue, the ways out, what an operator sees.

#include <memory>

#include "sekisho/config/v1/config.pb.h"
#include "shared/content/content.h"
#include "shared/net/io_pool.h"
#include "shared/rpc/auth.h"
#include "shared/runtime/service.h"
#include "shared/stage/stage.h"

namespace grpc {
class Service;
}

namespace sekisho::delivery {

class App final : public runtime::Service {
 public:
  // All outlive it. `config` has its defaults filled in.
  App(const config::v1::Config& config, const stage::Surroundings& surroundings, content::Store& content,
      const rpc::Authenticator& authenticator, net::IoPool& io);
  ~App() override;

  // Reads keys and routes, makes the tables, sets right what the last process left, and begins to send.
  // Errors: kInvalid, naming the route or the file.
  Status Start() override;
  // Takes nothing more in, finishes what is being sent within `limit`. Idempotent.
  void Drain(Duration limit) override;

  // After Start.
  std::vector<grpc::Service*> rpcs() override;
  stage::Stage& stage() override;

 private:
  struct Parts;
  const config::v1::Config& config_;
  const stage::Surroundings around_;
  content::Store& content_;
  const rpc::Authenticator& authenticator_;
  net::IoPool& io_;
  std::unique_ptr<Parts> parts_;
};

// As a program hosts it. `environment` outlives it.
std::unique_ptr<runtime::Service> MakeService(const runtime::Environment& environment);

}  // namespace sekisho::delivery
