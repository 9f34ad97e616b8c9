#include "shared/rpc/auth.h"

#include <algorithm>
#include <map>

#include "shared/base/bytes.h"
#include "shared/crypto/digest.h"
#include "shared/rpc/peers.h"

namespace sekisho::rpc {
namespace {

using Roles = std::vector<std::string_view>;

// A read changes nothing and leaves no trace: it may be repeated when nobody knows what became of it.
enum Kind { kOnce, kRead };
struct Method {
  Roles roles;
  Kind kind;
};

// Every method of every service: what no row names, nobody may call. A test walks the protos' descriptors.
const std::map<std::string_view, Method>& Table() {
  static const std::map<std::string_view, Method> kTable = {
      {"/sekisho.intake.v1.AuthService/Login", {{"anyone"}, kOnce}},
      {"/sekisho.intake.v1.IntakeService/SubmitMail", {{"sender"}, kOnce}},
      {"/sekisho.intake.v1.IntakeService/UploadMail", {{"sender"}, kOnce}},
      {"/sekisho.intake.v1.IntakeService/CheckMail", {{"sender"}, kOnce}},
      {"/sekisho.intake.v1.IntakeService/GetMail", {{"sender", "auditor", "operator"}, kRead}},
      {"/sekisho.intake.v1.IntakeService/ListMails", {{"sender"}, kRead}},
      {"/sekisho.intake.v1.IntakeService/WatchMail", {{"sender", "auditor", "operator"}, kOnce}},
      {"/sekisho.intake.v1.IntakeService/RecallMail", {{"sender"}, kOnce}},
      {"/sekisho.intake.v1.IntakeService/GetLimits", {{"sender"}, kRead}},
      {"/sekisho.policy.v1.PolicyService/CheckPolicy", {{"policy_admin"}, kRead}},
      {"/sekisho.policy.v1.PolicyService/ExplainMail", {{"policy_admin"}, kOnce}},
      {"/sekisho.policy.v1.PolicyService/GetPolicyVersion", {{"policy_admin", "operator", "auditor"}, kRead}},
      {"/sekisho.policy.v1.PolicyService/CheckMail", {{"service:intake"}, kRead}},
      {"/sekisho.approval.v1.ApprovalService/ListHolds",
       {{"sender", "approver", "operator", "security_officer"}, kRead}},
      {"/sekisho.approval.v1.ApprovalService/ReleaseHold",
       {{"sender", "approver", "operator", "security_officer"}, kOnce}},
      {"/sekisho.approval.v1.ApprovalService/ListApprovals", {{"approver", "security_officer", "operator"}, kRead}},
      {"/sekisho.approval.v1.ApprovalService/GetApproval", {{"approver", "security_officer", "operator"}, kRead}},
      {"/sekisho.approval.v1.ApprovalService/Approve", {{"approver", "security_officer", "operator"}, kOnce}},
      {"/sekisho.approval.v1.ApprovalService/Reject", {{"approver", "security_officer", "operator"}, kOnce}},
      {"/sekisho.approval.v1.ApprovalService/DropHold", {{"operator"}, kOnce}},
      {"/sekisho.encryption.v1.EncryptionService/ImportCertificate", {{"security_officer"}, kOnce}},
      {"/sekisho.encryption.v1.EncryptionService/ListCertificates", {{"security_officer", "auditor"}, kRead}},
      {"/sekisho.encryption.v1.EncryptionService/SetAgreedPassword", {{"security_officer"}, kOnce}},
      {"/sekisho.delivery.v1.DeliveryService/SummarizeQueue", {{"operator"}, kRead}},
      {"/sekisho.delivery.v1.DeliveryService/ShapeQueue", {{"operator"}, kRead}},
      {"/sekisho.delivery.v1.DeliveryService/ListQueued", {{"operator"}, kRead}},
      {"/sekisho.delivery.v1.DeliveryService/SuspendDestination", {{"operator"}, kOnce}},
      {"/sekisho.delivery.v1.DeliveryService/ResumeDestination", {{"operator"}, kOnce}},
      {"/sekisho.ledger.v1.LedgerService/TraceMail", {{"sender", "auditor", "operator"}, kRead}},
      {"/sekisho.ledger.v1.LedgerService/ListMails", {{"sender", "auditor", "operator"}, kRead}},
      {"/sekisho.stage.v1.StageService/ListServices",
       {{"sender", "approver", "policy_admin", "security_officer", "auditor", "operator"}, kRead}},
      {"/sekisho.stage.v1.StageService/ListQueues", {{"operator"}, kRead}},
      {"/sekisho.stage.v1.StageService/ListWaiting", {{"operator"}, kRead}},
      {"/sekisho.stage.v1.StageService/ListParked", {{"operator"}, kRead}},
      {"/sekisho.stage.v1.StageService/RedriveParked", {{"operator"}, kOnce}},
      {"/sekisho.stage.v1.TopicService/TailTopic", {{"security_officer", "auditor", "operator"}, kOnce}},
  };
  return kTable;
}

constexpr std::string_view kPrefix = "Bearer ";
constexpr std::string_view kServiceRole = "service:";

std::string SignedPart(std::string_view login, int64_t expires) {
  return "1." + Base64UrlEncode(login) + "." + std::to_string(expires);
}

std::string_view MetadataOf(const grpc::ServerContextBase& context, const char* name) {
  const auto found = context.client_metadata().find(name);
  if (found == context.client_metadata().end()) return {};
  return {found->second.data(), found->second.size()};
}

bool IsOfOwnProcess(const grpc::ServerContextBase& context) {
  return ConstantTimeEquals(MetadataOf(context, kOwnProcess), OwnProcessSecret());
}

}  // namespace

std::vector<std::string_view> RolesFor(std::string_view method) {
  const auto found = Table().find(method);
  return found == Table().end() ? Roles() : found->second.roles;
}

std::vector<std::string_view> ReadMethods() {
  std::vector<std::string_view> methods;
  for (const auto& [path, method] : Table()) {
    if (method.kind == kRead) methods.push_back(path);
  }
  return methods;
}

Result<Tokens::Issued> Tokens::Issue(std::string_view login) const {
  SEKISHO_TRY(const Secret<std::string> key, keys_.PurposeKey("rpc-token"));
  Issued issued;
  issued.expires_at = clock_.Now() + lifetime_;
  const std::string part = SignedPart(login, ToMicros(issued.expires_at) / 1'000'000);
  issued.token = part + "." + Base64UrlEncode(crypto::HmacSha256(key, part));
  return issued;
}

Result<std::string> Tokens::Verify(std::string_view token) const {
  const auto bad = [] { return MakeError(Code::kUnauthenticated, "the token is not one of ours; log in again"); };
  SEKISHO_TRY(const Secret<std::string> key, keys_.PurposeKey("rpc-token"));
  const size_t last = token.rfind('.');
  if (last == std::string_view::npos) return bad();
  const std::string_view part = token.substr(0, last);
  const auto mac = Base64UrlDecode(token.substr(last + 1));
  if (!mac.ok() || !ConstantTimeEquals(*mac, crypto::HmacSha256(key, part))) return bad();
  // What follows was signed by us: its shape is known.
  const size_t first = part.find('.');
  const size_t second = part.rfind('.');
  const auto login = Base64UrlDecode(part.substr(first + 1, second - first - 1));
  if (!part.starts_with("1.") || !login.ok()) return bad();
  const int64_t expires = std::strtoll(std::string(part.substr(second + 1)).c_str(), nullptr, 10);
  if (ToMicros(clock_.Now()) / 1'000'000 >= expires) {
    return MakeError(Code::kUnauthenticated, "the token has expired; log in again");
  }
  return *login;
}

std::string BearerOf(const grpc::ServerContextBase& context) {
  const std::string_view value = MetadataOf(context, "authorization");
  return value.starts_with(kPrefix) ? std::string(value.substr(kPrefix.size())) : std::string();
}

Result<Principal> Authenticator::Authenticate(const grpc::ServerContextBase& context, std::string_view method) const {
  const Roles roles = RolesFor(method);
  const std::vector<std::string> names = CertificateNamesOfPeer(context.peer());
  for (const std::string_view role : roles) {
    if (!role.starts_with(kServiceRole)) continue;
    const bool named = std::find(names.begin(), names.end(), role.substr(kServiceRole.size())) != names.end();
    if (named || IsOfOwnProcess(context)) return Principal{std::string(role), {std::string(role)}, {}};
  }
  const std::string token = BearerOf(context);
  if (token.empty()) return MakeError(Code::kUnauthenticated, "no token came with the call; log in first");
  SEKISHO_TRY(const std::string login, tokens_.Verify(token));
  SEKISHO_TRY(Principal principal, look_up_(login));
  for (const std::string_view role : roles) {
    if (!role.starts_with(kServiceRole) && principal.Has(role)) return principal;
  }
  std::string needed;
  for (const std::string_view role : roles) needed += (needed.empty() ? "" : " or ") + std::string(role);
  return MakeError(Code::kPermission, needed.empty() ? "nobody may call this method" : "this needs the role " + needed);
}

}  // namespace sekisho::rpc
