#include "services/intake/adapters/traces.h"

#include "sekisho/ledger/v1/ledger.grpc.pb.h"
#include "services/intake/adapters/tables.h"
#include "shared/rpc/channel.h"
#include "shared/rpc/error.h"
#include "shared/stage/proto_time.h"

namespace sekisho::intake {
namespace {

constexpr auto kPatience = std::chrono::seconds(5);

// What intake itself can say: accepted, and nothing since.
ledger::v1::Trace AsAccepted(const mail::v1::Mail& mail, const MailId& id) {
  ledger::v1::Trace trace;
  trace.set_mail_id(id.ToString());
  trace.set_mail_from(mail.envelope().mail_from());
  auto* event = trace.add_events();
  *event->mutable_time() = mail.accepted_at();
  event->set_stage("intake");
  event->set_type("accepted");
  event->set_state(mail::v1::RECIPIENT_STATE_ACCEPTED);
  for (const auto& recipient : mail.recipients()) {
    auto* one = trace.add_recipients();
    one->set_address(recipient.address());
    one->set_state(mail::v1::RECIPIENT_STATE_ACCEPTED);
    event->add_recipients(recipient.address());
  }
  return trace;
}

}  // namespace

bool IsTerminal(mail::v1::RecipientState state) { return state >= mail::v1::RECIPIENT_STATE_DELIVERED; }

bool IsTerminal(const ledger::v1::Trace& trace) {
  for (const auto& recipient : trace.recipients()) {
    if (!IsTerminal(recipient.state())) return false;
  }
  return trace.recipients_size() > 0;
}

Result<Traces::Own> Traces::FindOwn(const rpc::Principal& principal, const MailId& mail) const {
  std::optional<MailRow> row;
  SEKISHO_RETURN_IF_ERROR(around_.database.Read([&](store::Tx& tx) -> Status {
    SEKISHO_TRY(row, FindMail(tx, mail));
    return Ok();
  }));
  const auto absent = [&] { return MakeError(Code::kNotFound, "you have no mail " + mail.ToString()); };
  if (!row || row->sealed_mail.empty()) return absent();
  SEKISHO_TRY(const std::string owner, around_.keys.BlindIndex("principal", principal.login));
  if (row->owner != owner && !principal.Has("operator") && !principal.Has("auditor")) return absent();
  SEKISHO_TRY(keys::Opened opened, around_.keys.Open(row->sealed_mail, "intake.mail"));
  Own own{{}, std::move(opened.key)};
  if (!own.mail.ParseFromString(opened.plaintext)) return MakeError(Code::kCorrupt, "an intake row cannot be read");
  return own;
}

Result<ledger::v1::Trace> Traces::Find(const rpc::Principal& principal, const grpc::ServerContextBase& caller,
                                       const MailId& mail) const {
  ledger::v1::TraceMailRequest request;
  request.set_mail_id(mail.ToString());
  ledger::v1::TraceMailResponse response;
  const auto context = rpc::OnBehalfOf(caller, kPatience);
  const auto stub = ledger::v1::LedgerService::NewStub(ledger_());
  const grpc::Status status = stub->TraceMail(context.get(), request, &response);
  if (status.ok()) return std::move(*response.mutable_trace());
  if (status.error_code() != grpc::StatusCode::NOT_FOUND) return rpc::FromStatus(status);
  // Accepted, but its journal has not been read yet: never NOT_FOUND after OK.
  SEKISHO_TRY(const Own own, FindOwn(principal, mail));
  return AsAccepted(own.mail, mail);
}

Result<ledger::v1::ListMailsResponse> Traces::List(const grpc::ServerContextBase& caller, uint32_t page_size,
                                                   const std::string& page_token) const {
  ledger::v1::ListMailsRequest request;
  request.set_page_size(page_size);
  request.set_page_token(page_token);
  ledger::v1::ListMailsResponse response;
  const auto context = rpc::OnBehalfOf(caller, kPatience);
  const auto stub = ledger::v1::LedgerService::NewStub(ledger_());
  const grpc::Status status = stub->ListMails(context.get(), request, &response);
  if (!status.ok()) return rpc::FromStatus(status);
  return response;
}

}  // namespace sekisho::intake
