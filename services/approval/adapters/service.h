#pragma once
// ApprovalService on gRPC: who calls, what they ask for in well-formed requests, the answer. The deciding is desk.h's.

#include <functional>

#include "sekisho/approval/v1/approval.grpc.pb.h"
#include "services/approval/adapters/desk.h"
#include "shared/rpc/auth.h"

namespace sekisho::approval {

class Service final : public v1::ApprovalService::Service {
 public:
  // Both outlive it.
  Service(Desk& desk, const rpc::Authenticator& authenticator) : desk_(desk), authenticator_(authenticator) {}

  grpc::Status ListHolds(grpc::ServerContext* context, const v1::ListHoldsRequest* request,
                         v1::ListHoldsResponse* response) override;
  grpc::Status ReleaseHold(grpc::ServerContext* context, const v1::ReleaseHoldRequest* request,
                           v1::DecisionResponse* response) override;
  grpc::Status ListApprovals(grpc::ServerContext* context, const v1::ListApprovalsRequest* request,
                             v1::ListApprovalsResponse* response) override;
  grpc::Status GetApproval(grpc::ServerContext* context, const v1::GetApprovalRequest* request,
                           v1::GetApprovalResponse* response) override;
  grpc::Status Approve(grpc::ServerContext* context, const v1::ApproveRequest* request,
                       v1::DecisionResponse* response) override;
  grpc::Status Reject(grpc::ServerContext* context, const v1::RejectRequest* request,
                      v1::DecisionResponse* response) override;
  grpc::Status DropHold(grpc::ServerContext* context, const v1::DropHoldRequest* request,
                        v1::DecisionResponse* response) override;

 private:
  grpc::Status Decide(grpc::ServerContext* context, std::string_view method, std::string_view parcel_id,
                      Desk::Request request, bool comment_required, v1::DecisionResponse* response);

  Desk& desk_;
  const rpc::Authenticator& authenticator_;
};

}  // namespace sekisho::approval
