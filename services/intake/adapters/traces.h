#pragma once
// What is known of a mail: asked of the ledger, in the caller's name; and of intake's own row while the ledger has not
// heard of it.

#include <grpcpp/channel.h>

#include <functional>
#include <memory>
#include <string>

#include "sekisho/ledger/v1/ledger.pb.h"
#include "shared/rpc/auth.h"
#include "shared/stage/stage.h"

namespace sekisho::intake {

// The channel to the ledger; asked at each call, since in one process it exists only once the server runs.
using LedgerChannel = std::function<std::shared_ptr<grpc::Channel>()>;

class Traces {
 public:
  Traces(const stage::Surroundings& surroundings, LedgerChannel ledger)
      : around_(surroundings), ledger_(std::move(ledger)) {}

  // `caller`: the call that this answers, by whose token the ledger decides whether they may see it.
  // Errors: kNotFound (also for a mail that is somebody else's), kUnavailable, kTimeout.
  Result<ledger::v1::Trace> Find(const rpc::Principal& principal, const grpc::ServerContextBase& caller,
                                 const MailId& mail) const;
  Result<ledger::v1::ListMailsResponse> List(const grpc::ServerContextBase& caller, uint32_t page_size,
                                             const std::string& page_token) const;

  // The mail as accepted, and its key. Errors: kNotFound, also when it is not the principal's.
  struct Own {
    mail::v1::Mail mail;
    keys::MailKey key;
  };
  Result<Own> FindOwn(const rpc::Principal& principal, const MailId& mail) const;

 private:
  const stage::Surroundings around_;
  const LedgerChannel ledger_;
};

bool IsTerminal(mail::v1::RecipientState state);
bool IsTerminal(const ledger::v1::Trace& trace);

}  // namespace sekisho::intake
