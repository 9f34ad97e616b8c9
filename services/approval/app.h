#pragma once
// The approval service, wired: what waits for time or for a person, and who decides about it.

#include <grpcpp/impl/service_type.h>

#include <memory>

#include "sekisho/config/v1/config.pb.h"
#include "shared/content/content.h"
#include "shared/directory/directory.h"
#include "shared/observe/metrics.h"
#include "shared/rpc/auth.h"
#include "shared/runtime/service.h"
#include "shared/stage/stage.h"

namespace sekisho::approval {

class App final : public runtime::Service {
 public:
  // All outlive it. `config` has its defaults filled in.
  App(const config::v1::Config& config, const stage::Surroundings& surroundings, content::Store& content,
      directory::Directory& directory, const rpc::Authenticator& authenticator,
      observe::Metrics& metrics = observe::Metrics::Global());
  ~App() override;

  // Makes its tables, takes its topics, starts its timer. Before the gRPC server answers.
  Status Start() override;
  // Takes nothing more, finishes what is under way. Idempotent.
  void Drain(Duration limit) override;

  std::vector<grpc::Service*> rpcs() override;
  stage::Stage& stage() override;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

// As a program hosts it. `environment` outlives it.
std::unique_ptr<runtime::Service> MakeService(const runtime::Environment& environment);

}  // namespace sekisho::approval
