#pragma once
// sekisho.stage.v1.StageService over the stages of this process.

#include <functional>
#include <vector>

#include "sekisho/stage/v1/stage.grpc.pb.h"
#include "shared/rpc/auth.h"
#include "shared/stage/stage.h"

namespace sekisho::runtime {

class StageRpc final : public stage::v1::StageService::Service {
 public:
  // `authenticator` outlives it. The stages are told once they exist.
  explicit StageRpc(const rpc::Authenticator& authenticator) : authenticator_(authenticator) {}
  void Watch(std::vector<stage::Stage*> stages) { stages_ = std::move(stages); }

  grpc::Status ListQueues(grpc::ServerContext*, const stage::v1::ListQueuesRequest*,
                          stage::v1::ListQueuesResponse*) override;
  grpc::Status ListParked(grpc::ServerContext*, const stage::v1::ListParkedRequest*,
                          stage::v1::ListParkedResponse*) override;
  grpc::Status RedriveParked(grpc::ServerContext*, const stage::v1::RedriveParkedRequest*,
                             stage::v1::RedriveParkedResponse*) override;

 private:
  const rpc::Authenticator& authenticator_;
  std::vector<stage::Stage*> stages_;
};

// Sets sekisho_stage_* gauges before each exposition. Returns the id for Metrics::Forget. The stages outlive it.
int ExposeStages(std::vector<stage::Stage*> stages);

}  // namespace sekisho::runtime
