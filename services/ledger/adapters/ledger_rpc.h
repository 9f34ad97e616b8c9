#pragma once
// sekisho.ledger.v1.LedgerService.

#include "sekisho/ledger/v1/ledger.grpc.pb.h"
#include "services/ledger/domain/fold.h"
#include "shared/rpc/auth.h"
#include "shared/stage/stage.h"

namespace sekisho::ledger {

class LedgerRpc final : public v1::LedgerService::Service {
 public:
  // Both outlive it.
  LedgerRpc(const stage::Surroundings& surroundings, const rpc::Authenticator& authenticator)
      : around_(surroundings), authenticator_(authenticator) {}

  grpc::Status TraceMail(grpc::ServerContext*, const v1::TraceMailRequest*, v1::TraceMailResponse*) override;
  grpc::Status ListMails(grpc::ServerContext*, const v1::ListMailsRequest*, v1::ListMailsResponse*) override;

 private:
  // Every event of a mail, opened. kNotFound when there is none, or its key was destroyed.
  Result<std::vector<JournalEntry>> Entries(store::Tx& tx, const MailId& mail);

  const stage::Surroundings around_;
  const rpc::Authenticator& authenticator_;
};

}  // namespace sekisho::ledger
