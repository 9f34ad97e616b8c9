#include "services/approval/adapters/service.h"

#include "shared/base/bytes.h"
#include "shared/observe/log.h"
#include "shared/rpc/error.h"
#include "shared/text/utf8.h"

namespace sekisho::approval {
namespace {

constexpr size_t kLongestComment = 2000;  // octets
constexpr std::string_view kService = "/sekisho.approval.v1.ApprovalService/";

// Of our own failures the caller learns nothing: the operator's log has them.
grpc::Status StatusOf(const Error& error, std::string_view method) {
  if (error.code == Code::kInternal || error.code == Code::kCorrupt) {
    observe::Log(observe::Level::kError, "approval.rpc_failed", {{"method", method}, {"error", error}});
  }
  return rpc::ToStatus(error, error.code == Code::kPrecondition ? "ALREADY_DECIDED" : "");
}

std::string MethodPath(std::string_view method) { return std::string(kService) + std::string(method); }

}  // namespace

grpc::Status Service::ListHolds(grpc::ServerContext* context, const v1::ListHoldsRequest* request,
                                v1::ListHoldsResponse* response) {
  const auto who = authenticator_.Authenticate(*context, MethodPath("ListHolds"));
  if (!who.ok()) return StatusOf(who.error(), "ListHolds");
  auto holds = desk_.ListHolds(*who, request->all());
  if (!holds.ok()) return StatusOf(holds.error(), "ListHolds");
  for (v1::HeldParcel& hold : *holds) *response->add_holds() = std::move(hold);
  return grpc::Status::OK;
}

grpc::Status Service::ListApprovals(grpc::ServerContext* context, const v1::ListApprovalsRequest* /*request*/,
                                    v1::ListApprovalsResponse* response) {
  const auto who = authenticator_.Authenticate(*context, MethodPath("ListApprovals"));
  if (!who.ok()) return StatusOf(who.error(), "ListApprovals");
  auto approvals = desk_.ListApprovals(*who);
  if (!approvals.ok()) return StatusOf(approvals.error(), "ListApprovals");
  for (v1::HeldParcel& approval : *approvals) *response->add_approvals() = std::move(approval);
  return grpc::Status::OK;
}

grpc::Status Service::GetApproval(grpc::ServerContext* context, const v1::GetApprovalRequest* request,
                                  v1::GetApprovalResponse* response) {
  const auto who = authenticator_.Authenticate(*context, MethodPath("GetApproval"));
  if (!who.ok()) return StatusOf(who.error(), "GetApproval");
  const auto parcel = ParcelId::Parse(request->parcel_id());
  if (!parcel.ok())
    return rpc::BadRequest({{"parcel_id", "is not a parcel's id, as `sekisho approval list` prints it"}});
  auto shown = desk_.Show(*parcel, *who);
  if (!shown.ok()) return StatusOf(shown.error(), "GetApproval");
  *response = *std::move(shown);
  return grpc::Status::OK;
}

grpc::Status Service::ReleaseHold(grpc::ServerContext* context, const v1::ReleaseHoldRequest* request,
                                  v1::DecisionResponse* response) {
  Desk::Request wish;
  wish.wish = Desk::Wish::kLetGo;
  wish.recipients.assign(request->recipients().begin(), request->recipients().end());
  return Decide(context, "ReleaseHold", request->parcel_id(), std::move(wish), false, response);
}

grpc::Status Service::Approve(grpc::ServerContext* context, const v1::ApproveRequest* request,
                              v1::DecisionResponse* response) {
  Desk::Request wish;
  wish.wish = Desk::Wish::kApprove;
  wish.recipients.assign(request->recipients().begin(), request->recipients().end());
  wish.comment = request->comment();
  wish.content_sha256 = request->content_sha256();
  return Decide(context, "Approve", request->parcel_id(), std::move(wish), false, response);
}

grpc::Status Service::Reject(grpc::ServerContext* context, const v1::RejectRequest* request,
                             v1::DecisionResponse* response) {
  Desk::Request wish;
  wish.wish = Desk::Wish::kReject;
  wish.recipients.assign(request->recipients().begin(), request->recipients().end());
  wish.comment = request->comment();
  return Decide(context, "Reject", request->parcel_id(), std::move(wish), true, response);
}

grpc::Status Service::DropHold(grpc::ServerContext* context, const v1::DropHoldRequest* request,
                               v1::DecisionResponse* response) {
  Desk::Request wish;
  wish.wish = Desk::Wish::kDrop;
  wish.recipients.assign(request->recipients().begin(), request->recipients().end());
  wish.comment = request->comment();
  return Decide(context, "DropHold", request->parcel_id(), std::move(wish), true, response);
}

grpc::Status Service::Decide(grpc::ServerContext* context, std::string_view method, std::string_view parcel_id,
                             Desk::Request request, bool comment_required, v1::DecisionResponse* response) {
  const auto who = authenticator_.Authenticate(*context, MethodPath(method));
  if (!who.ok()) return StatusOf(who.error(), method);
  std::vector<std::pair<std::string, std::string>> violations;
  if (const auto parcel = ParcelId::Parse(parcel_id); parcel.ok()) {
    request.parcel = *parcel;
  } else {
    violations.emplace_back("parcel_id",
                            "is not a parcel's id, as `sekisho hold list` and `sekisho approval list` print it");
  }
  request.comment = AsciiTrim(request.comment);
  if (comment_required && request.comment.empty())
    violations.emplace_back("comment", "is required: the sender reads it");
  if (request.comment.size() > kLongestComment) violations.emplace_back("comment", "is longer than 2000 octets");
  if (!text::IsValidUtf8(request.comment)) violations.emplace_back("comment", "must be UTF-8");
  if (!violations.empty()) return rpc::BadRequest(violations);
  const auto decided = desk_.Decide(request, *who);
  if (!decided.ok()) return StatusOf(decided.error(), method);
  *response = *decided;
  return grpc::Status::OK;
}

}  // namespace sekisho::approval
