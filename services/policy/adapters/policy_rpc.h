#pragma once
// sekisho.policy.v1.PolicyService: check a document, explain a mail, tell the version in force. Work is done on the
// worker pool, never on gRPC's threads; a full pool answers RESOURCE_EXHAUSTED.

#include <functional>

#include "sekisho/policy/v1/policy.grpc.pb.h"
#include "services/policy/adapters/judge.h"
#include "shared/rpc/auth.h"
#include "shared/stage/stage.h"

namespace sekisho::policy {

class PolicyRpc final : public v1::PolicyService::CallbackService {
 public:
  // All outlive it.
  PolicyRpc(const stage::Surroundings& surroundings, const rpc::Authenticator& authenticator,
            const PolicySource& source, const Judge& judge)
      : around_(surroundings),
        authenticator_(authenticator),
        source_(source),
        judge_(judge),
        committer_(surroundings, "policy") {}

  grpc::ServerUnaryReactor* CheckPolicy(grpc::CallbackServerContext* context, const v1::CheckPolicyRequest* request,
                                        v1::CheckPolicyResponse* response) override;
  grpc::ServerUnaryReactor* ExplainMail(grpc::CallbackServerContext* context, const v1::ExplainMailRequest* request,
                                        v1::ExplainMailResponse* response) override;
  grpc::ServerUnaryReactor* GetPolicyVersion(grpc::CallbackServerContext* context,
                                             const v1::GetPolicyVersionRequest* request,
                                             v1::GetPolicyVersionResponse* response) override;
  grpc::ServerUnaryReactor* CheckMail(grpc::CallbackServerContext* context, const v1::CheckMailRequest* request,
                                      v1::CheckMailResponse* response) override;

 private:
  using Work = std::function<grpc::Status(const rpc::Principal&)>;
  // Lets in who may call `method`, then does `work` on a worker.
  grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext* context, std::string_view method, Work work);
  grpc::Status Explain(const rpc::Principal& principal, const v1::ExplainMailRequest& request,
                       v1::ExplainMailResponse& response);
  Status Journal(const rpc::Principal& principal, const v1::ExplainMailRequest& request, const std::string& version);

  const stage::Surroundings around_;
  const rpc::Authenticator& authenticator_;
  const PolicySource& source_;
  const Judge& judge_;
  stage::Committer committer_;
};

}  // namespace sekisho::policy
