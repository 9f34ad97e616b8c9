#pragma once
// sekisho.intake.v1.AuthService: a login and password for a token.

#include "sekisho/intake/v1/intake.grpc.pb.h"
#include "shared/directory/directory.h"
#include "shared/rpc/auth.h"
#include "shared/smtp/login_guard.h"

namespace sekisho::intake {

class AuthRpc final : public v1::AuthService::Service {
 public:
  // `demo_allowed`: the listener is on a loopback address. All outlive it.
  AuthRpc(directory::Directory& directory, const rpc::Authenticator& authenticator, smtp::LoginGuard& logins,
          const Clock& clock, bool demo_allowed)
      : directory_(directory),
        authenticator_(authenticator),
        logins_(logins),
        clock_(clock),
        demo_allowed_(demo_allowed) {}

  grpc::Status Login(grpc::ServerContext* context, const v1::LoginRequest* request,
                     v1::LoginResponse* response) override;

 private:
  directory::Directory& directory_;
  const rpc::Authenticator& authenticator_;
  smtp::LoginGuard& logins_;
  const Clock& clock_;
  const bool demo_allowed_;
};

}  // namespace sekisho::intake
