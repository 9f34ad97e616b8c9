#pragma once
// Asks the policy service, of this process or another, for intake's CheckMail.

#include <grpcpp/channel.h>

#include <functional>
#include <memory>

#include "services/intake/adapters/intake_rpc.h"

namespace sekisho::intake {

// A channel over which we are known as intake (shared/rpc/channel.h); asked for at each call.
using PolicyChannel = std::function<std::shared_ptr<grpc::Channel>()>;

// Errors: what policy says of the mail or of its load; kLimit when the mail is larger than one message may be;
// kUnavailable with Retry::kLater for everything else that keeps policy from answering, which our log has.
CheckMailFn AskPolicy(PolicyChannel policy);

}  // namespace sekisho::intake
