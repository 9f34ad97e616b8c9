#pragma once
// Asks the policy service, which is another process, for intake's CheckMail.

#include <grpcpp/channel.h>

#include <memory>

#include "services/intake/adapters/intake_rpc.h"

namespace sekisho::intake {

// Over a channel that proves we are intake (shared/rpc/channel.h). Errors: what policy says of the mail or of its load;
// kUnavailable with Retry::kLater for everything else that keeps it from answering, which our log has.
CheckMailFn AskPolicy(std::shared_ptr<grpc::Channel> policy);

}  // namespace sekisho::intake
