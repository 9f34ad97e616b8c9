#pragma once
// sekisho.stage.v1.StageService over the stages of this process; and where the other processes are.

#include <functional>
#include <vector>

#include "sekisho/config/v1/config.pb.h"
#include "sekisho/stage/v1/stage.grpc.pb.h"
#include "shared/rpc/auth.h"
#include "shared/stage/stage.h"

namespace sekisho::runtime {

class StageRpc final : public stage::v1::StageService::Service {
 public:
  // Both outlive it. The stages are told once they exist.
  StageRpc(const rpc::Authenticator& authenticator, const config::v1::Config& config)
      : authenticator_(authenticator), config_(config) {}
  void Watch(std::vector<stage::Stage*> stages) { stages_ = std::move(stages); }

  grpc::Status ListServices(grpc::ServerContext*, const stage::v1::ListServicesRequest*,
                            stage::v1::ListServicesResponse*) override;
  grpc::Status ListQueues(grpc::ServerContext*, const stage::v1::ListQueuesRequest*,
                          stage::v1::ListQueuesResponse*) override;
  grpc::Status ListWaiting(grpc::ServerContext*, const stage::v1::ListWaitingRequest*,
                           stage::v1::ListWaitingResponse*) override;
  grpc::Status ListParked(grpc::ServerContext*, const stage::v1::ListParkedRequest*,
                          stage::v1::ListParkedResponse*) override;
  grpc::Status RedriveParked(grpc::ServerContext*, const stage::v1::RedriveParkedRequest*,
                             stage::v1::RedriveParkedResponse*) override;

 private:
  const rpc::Authenticator& authenticator_;
  const config::v1::Config& config_;
  std::vector<stage::Stage*> stages_;
};

// Sets sekisho_stage_* gauges before each exposition. Returns the id for Metrics::Forget. The stages outlive it.
int ExposeStages(std::vector<stage::Stage*> stages);

}  // namespace sekisho::runtime
