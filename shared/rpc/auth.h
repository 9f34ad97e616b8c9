#pragma once
// Who calls, and whether they may: bearer tokens, and one table of methods and roles.

#include <grpcpp/server_context.h>

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "shared/keys/keys.h"

namespace sekisho::rpc {

// A caller, resolved on the server at this call: roles are the directory's of now, never the token's.
struct Principal {
  std::string login;
  std::set<std::string, std::less<>> roles;
  std::string language;  // "ja" or "en"
  bool Has(std::string_view role) const { return roles.find(role) != roles.end(); }
};

// The directory's answer about a login. Errors: kUnauthenticated when it is unknown or disabled; kUnavailable.
using LookUpPrincipal = std::function<Result<Principal>(std::string_view login)>;

// Tokens: version, login, expiry, HMAC-SHA-256 under a purpose key. They carry no roles.
class Tokens {
 public:
  Tokens(keys::KeyRing& keys, const Clock& clock, Duration lifetime)
      : keys_(keys), clock_(clock), lifetime_(lifetime) {}
  struct Issued {
    std::string token;
    TimePoint expires_at{};
  };
  Result<Issued> Issue(std::string_view login) const;
  // The login. Errors: kUnauthenticated, saying whether it expired.
  Result<std::string> Verify(std::string_view token) const;

 private:
  keys::KeyRing& keys_;
  const Clock& clock_;
  const Duration lifetime_;
};

class Authenticator {
 public:
  Authenticator(keys::KeyRing& keys, const Clock& clock, Duration token_lifetime, LookUpPrincipal look_up)
      : tokens_(keys, clock, token_lifetime), look_up_(std::move(look_up)) {}

  // Who calls, if one of the table's roles for `method` ("/package.Service/Method") is theirs: a service by its
  // certificate or by being of this process, which no token stands in for; anybody else by "authorization: Bearer …"
  // and the directory. Errors: kUnauthenticated; kPermission when no role of the caller's is listed, or the method is
  // not in the table.
  Result<Principal> Authenticate(const grpc::ServerContextBase& context, std::string_view method) const;

  const Tokens& tokens() const { return tokens_; }

 private:
  const Tokens tokens_;
  const LookUpPrincipal look_up_;
};

// The roles of which one lets a caller in; empty when the method is unknown: then nobody may.
// "anyone": no token is needed (Login, health). "service:intake": who shows a certificate with the DNS name "intake"
// that our CA vouches for; such a principal's login is the role itself.
std::vector<std::string_view> RolesFor(std::string_view method);

// "/package.Service/Method" of those that change nothing and may be repeated.
std::vector<std::string_view> ReadMethods();

// The caller's bearer token, to ask another service on their behalf; empty when there is none.
std::string BearerOf(const grpc::ServerContextBase& context);

}  // namespace sekisho::rpc
