#pragma once
// What would happen to a mail, as its sender may know it: without evidence, and without trace.

#include "sekisho/policy/v1/policy.pb.h"
#include "services/policy/adapters/judge.h"

namespace sekisho::policy {

// Blocks while the mail is read. Errors: those of Judge::Run.
Result<v1::CheckMailResponse> CheckMail(const Judge& judge, const v1::CheckMailRequest& request);

}  // namespace sekisho::policy
