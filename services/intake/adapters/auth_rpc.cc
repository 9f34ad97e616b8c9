#include "services/intake/adapters/auth_rpc.h"

#include "shared/net/address_key.h"
#include "shared/observe/log.h"
#include "shared/rpc/error.h"
#include "shared/rpc/peers.h"
#include "shared/stage/proto_time.h"

namespace sekisho::intake {

grpc::Status AuthRpc::Login(grpc::ServerContext* context, const v1::LoginRequest* request,
                            v1::LoginResponse* response) {
  const auto now = clock_.Steady();
  const std::string address = net::AddressKey(rpc::AddressOfPeer(context->peer()));
  if (!logins_.Allows(address, request->user(), now)) {
    return rpc::ToStatus(MakeError(Code::kExhausted, "too many failed logins; wait a minute"), "TOO_MANY_LOGINS");
  }
  const Status verified =
      directory_.VerifyPassword(request->user(), Secret<std::string>(request->password()), demo_allowed_);
  if (!verified.ok()) {
    if (verified.error().code != Code::kUnauthenticated) return rpc::ToStatus(verified.error(), "TOO_MANY_LOGINS");
    logins_.Failed(address, request->user(), now);
    observe::Log(observe::Level::kWarn, "login.refused", {{"door", "grpc"}});
    return rpc::ToStatus(verified.error(), "LOGIN_REFUSED");
  }
  logins_.Succeeded(address, request->user(), now);
  const auto issued = authenticator_.tokens().Issue(request->user());
  if (!issued.ok()) return rpc::ToStatus(issued.error());
  response->set_token(issued->token);
  *response->mutable_expires_at() = ToProto(issued->expires_at);
  return grpc::Status::OK;
}

}  // namespace sekisho::intake
