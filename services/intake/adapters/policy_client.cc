#include "services/intake/adapters/policy_client.h"

#include "sekisho/policy/v1/policy.grpc.pb.h"
#include "shared/observe/log.h"
#include "shared/rpc/channel.h"
#include "shared/rpc/error.h"
#include "shared/rpc/server.h"

namespace sekisho::intake {
namespace {

constexpr auto kPatience = std::chrono::seconds(30);  // as long as reading a hostile mail may take

// Errors that are about the question, or say by themselves when to come again.
bool IsForTheCaller(Code code) {
  return code == Code::kInvalid || code == Code::kMalformed || code == Code::kLimit || code == Code::kExhausted;
}

}  // namespace

CheckMailFn AskPolicy(PolicyChannel policy) {
  return [policy = std::move(policy)](
             const grpc::ServerContextBase& caller,
             const policy::v1::CheckMailRequest& request) -> Result<policy::v1::CheckMailResponse> {
    // What the integrator sent was no larger, but what it became by encoding may be.
    if (request.ByteSizeLong() > rpc::kMaxUnaryOctets) {
      return MakeError(Code::kLimit, "the mail, encoded, is too large for a check; leave out its largest attachments");
    }
    policy::v1::CheckMailResponse response;
    const auto context = rpc::OnBehalfOf(caller, kPatience);
    const grpc::Status status =
        policy::v1::PolicyService::NewStub(policy())->CheckMail(context.get(), request, &response);
    if (status.ok()) return response;
    const Error error = rpc::FromStatus(status);
    if (IsForTheCaller(error.code)) return error;
    observe::Log(observe::Level::kWarn, "policy.no_answer", {{"error", error}});
    return MakeError(Code::kUnavailable,
                     "the policy service does not answer; mail is taken all the same, and judged later");
  };
}

}  // namespace sekisho::intake
