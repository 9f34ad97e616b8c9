#pragma once
// Where people decide: finds what waits for them, checks against the directory of this moment that they may, and takes
// the step. Blocks until the decision is durable; for RPC threads. Thread safe.

#include <optional>
#include <string>
#include <vector>

#include "sekisho/approval/v1/approval.pb.h"
#include "services/approval/adapters/clerk.h"
#include "services/approval/adapters/people.h"
#include "shared/mime/model.h"
#include "shared/observe/metrics.h"
#include "shared/rpc/auth.h"

namespace sekisho::approval {

class Desk {
 public:
  // All outlive it.
  Desk(const stage::Surroundings& around, content::Store& content, directory::Directory& directory, const Clerk& clerk,
       const mime::Limits& limits, observe::Metrics& metrics);

  // What is asked for; "let it go" is another event for each class.
  enum class Wish { kLetGo, kApprove, kReject, kDrop };
  struct Request {
    ParcelId parcel;
    Wish wish = Wish::kLetGo;
    std::vector<std::string> recipients;  // empty: all
    std::string comment;
    std::string content_sha256;  // empty, or the D1 that was looked at
  };
  // Errors: kNotFound; kPermission; kPrecondition when it was decided already; kInvalid: another wish is meant, a
  // stranger's address, another content.
  Result<v1::DecisionResponse> Decide(const Request& request, const rpc::Principal& who);

  // Own mail that waits, and what `who` may let go; with `all`, everything.
  Result<std::vector<v1::HeldParcel>> ListHolds(const rpc::Principal& who, bool all);
  // What waits for the decision of `who`.
  Result<std::vector<v1::HeldParcel>> ListApprovals(const rpc::Principal& who);
  // Errors: kNotFound; kPermission when it doesn't wait for `who`; kPrecondition.
  Result<v1::GetApprovalResponse> Show(const ParcelId& parcel, const rpc::Principal& who);

 private:
  Result<Held> FindHeld(const ParcelId& parcel);
  Result<v1::DecisionResponse> DecideOnce(const Request& request, const rpc::Principal& who);

  const stage::Surroundings around_;
  content::Store& content_;
  directory::Directory& directory_;
  const Clerk& clerk_;
  const mime::Limits limits_;  // those that policy reads mails under
  observe::Metrics& metrics_;
  stage::Committer committer_;
};

}  // namespace sekisho::approval
