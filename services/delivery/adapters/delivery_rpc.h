#pragma once
// sekisho.delivery.v1.DeliveryService: the outgoing queue as its operator sees it. Work is done on the worker pool,
// never on gRPC's threads; a full pool answers RESOURCE_EXHAUSTED.

#include <functional>

#include "sekisho/delivery/v1/delivery.grpc.pb.h"
#include "services/delivery/adapters/dispatcher.h"
#include "services/delivery/adapters/queue_view.h"
#include "shared/rpc/auth.h"
#include "shared/stage/stage.h"

namespace sekisho::delivery {

class DeliveryRpc final : public v1::DeliveryService::CallbackService {
 public:
  // All outlive it.
  DeliveryRpc(const stage::Surroundings& surroundings, const rpc::Authenticator& authenticator, Dispatcher& dispatcher)
      : around_(surroundings), authenticator_(authenticator), dispatcher_(dispatcher) {}

  grpc::ServerUnaryReactor* SummarizeQueue(grpc::CallbackServerContext* context,
                                           const v1::SummarizeQueueRequest* request,
                                           v1::SummarizeQueueResponse* response) override;
  grpc::ServerUnaryReactor* ShapeQueue(grpc::CallbackServerContext* context, const v1::ShapeQueueRequest* request,
                                       v1::ShapeQueueResponse* response) override;
  grpc::ServerUnaryReactor* ListQueued(grpc::CallbackServerContext* context, const v1::ListQueuedRequest* request,
                                       v1::ListQueuedResponse* response) override;
  grpc::ServerUnaryReactor* SuspendDestination(grpc::CallbackServerContext* context,
                                               const v1::SuspendDestinationRequest* request,
                                               v1::SuspendDestinationResponse* response) override;
  grpc::ServerUnaryReactor* ResumeDestination(grpc::CallbackServerContext* context,
                                              const v1::ResumeDestinationRequest* request,
                                              v1::ResumeDestinationResponse* response) override;

 private:
  using Work = std::function<Status(const rpc::Principal&)>;
  // Lets in who may call `method`, then does `work` on a worker.
  grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext* context, std::string_view method, Work work);
  Status Shape(v1::ShapeQueueResponse& response) const;
  Status List(const v1::ListQueuedRequest& request, v1::ListQueuedResponse& response);
  Result<std::vector<std::string>> IndexesOf(const std::string& destination);
  // What a row holds sealed; nothing when it cannot be read any more.
  mail::v1::Parcel Open(const QueueRow& row) const;
  Status Summarize(v1::SummarizeQueueResponse& response) const;

  const stage::Surroundings around_;
  const rpc::Authenticator& authenticator_;
  Dispatcher& dispatcher_;
};

}  // namespace sekisho::delivery
