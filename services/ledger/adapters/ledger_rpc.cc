#include "services/ledger/adapters/ledger_rpc.h"

#include "services/ledger/adapters/recorder.h"
#include "services/ledger/adapters/tables.h"
#include "shared/rpc/error.h"

namespace sekisho::ledger {
namespace {

constexpr char kService[] = "/sekisho.ledger.v1.LedgerService/";
constexpr uint32_t kUsualPage = 50, kLargestPage = 500;

bool SeesEverything(const rpc::Principal& principal) { return principal.Has("auditor") || principal.Has("operator"); }

v1::MailSummary Summarize(const MailId& mail, const std::vector<JournalEntry>& entries) {
  const v1::Trace trace = FoldTrace(mail, entries);
  v1::MailSummary summary;
  summary.set_mail_id(trace.mail_id());
  summary.set_mail_from(trace.mail_from());
  summary.set_subject(trace.subject());
  *summary.mutable_recipients() = trace.recipients();
  for (const JournalEntry& entry : entries) {
    if (entry.event.type() != "accepted") continue;
    *summary.mutable_accepted_at() = entry.event.at();
    summary.set_size(entry.event.size());
  }
  return summary;
}

// What matched may be a term of a dictionary that no sender should learn.
void HideEvidence(v1::Trace& trace) {
  for (auto& event : *trace.mutable_events()) {
    for (auto& reason : *event.mutable_reasons()) reason.clear_evidence();
  }
}

}  // namespace

Result<std::vector<JournalEntry>> LedgerRpc::Entries(store::Tx& tx, const MailId& mail) {
  SEKISHO_TRY(const std::vector<EventRow> rows, FindEvents(tx, mail));
  if (rows.empty()) return MakeError(Code::kNotFound, "no mail " + mail.ToString() + " is known");
  std::vector<JournalEntry> entries;
  for (const EventRow& row : rows) {
    SEKISHO_TRY(const keys::Opened opened, around_.keys.Open(row.sealed, EventContext(row.event)));
    JournalEntry entry{row.event, {}};
    if (!entry.event.ParseFromString(opened.plaintext))
      return MakeError(Code::kCorrupt, "a journal row cannot be read");
    entries.push_back(std::move(entry));
  }
  return entries;
}

grpc::Status LedgerRpc::TraceMail(grpc::ServerContext* context, const v1::TraceMailRequest* request,
                                  v1::TraceMailResponse* response) {
  const auto principal = authenticator_.Authenticate(*context, std::string(kService) + "TraceMail");
  if (!principal.ok()) return rpc::ToStatus(principal.error());
  const auto mail = MailId::Parse(request->mail_id());
  if (!mail.ok()) return rpc::BadRequest({{"mail_id", mail.error().detail}});
  std::vector<JournalEntry> entries;
  const Status read = around_.database.Read([&](store::Tx& tx) -> Status {
    if (!SeesEverything(*principal)) {
      SEKISHO_TRY(const std::string owner, FindOwner(tx, *mail));
      SEKISHO_TRY(const std::string own, around_.keys.BlindIndex("principal", principal->login));
      // Somebody else's mail is not told from none.
      if (owner != own) return MakeError(Code::kNotFound, "no mail " + mail->ToString() + " is known");
    }
    SEKISHO_TRY(entries, Entries(tx, *mail));
    return Ok();
  });
  if (!read.ok()) return rpc::ToStatus(read.error());
  *response->mutable_trace() = FoldTrace(*mail, std::move(entries));
  if (!SeesEverything(*principal)) HideEvidence(*response->mutable_trace());
  return grpc::Status::OK;
}

grpc::Status LedgerRpc::ListMails(grpc::ServerContext* context, const v1::ListMailsRequest* request,
                                  v1::ListMailsResponse* response) {
  const auto principal = authenticator_.Authenticate(*context, std::string(kService) + "ListMails");
  if (!principal.ok()) return rpc::ToStatus(principal.error());
  if (request->all() && !SeesEverything(*principal)) {
    return rpc::ToStatus(MakeError(Code::kPermission, "everyone's mails are for the roles auditor and operator"));
  }
  if (request->page_size() > kLargestPage) return rpc::BadRequest({{"page_size", "must be 1 to 500"}});
  const uint32_t size = request->page_size() == 0 ? kUsualPage : request->page_size();
  MailId before;
  if (!request->page_token().empty()) {
    const auto token = MailId::Parse(request->page_token());
    if (!token.ok()) return rpc::BadRequest({{"page_token", "is not one of ours"}});
    before = *token;
  }
  const Status read = around_.database.Read([&](store::Tx& tx) -> Status {
    response->clear_mails();
    std::string owner;
    if (!request->all()) {
      SEKISHO_TRY(owner, around_.keys.BlindIndex("principal", principal->login));
    }
    SEKISHO_TRY(const std::vector<MailId> mails, ledger::ListMails(tx, owner, before, size));
    for (const MailId& mail : mails) {
      const auto entries = Entries(tx, mail);
      if (entries.ok())
        *response->add_mails() = Summarize(mail, *entries);
      else if (entries.error().code != Code::kNotFound)
        return entries.error();  // a destroyed epoch's mails are gone
    }
    response->set_next_page_token(mails.size() == size ? mails.back().ToString() : "");
    return Ok();
  });
  return read.ok() ? grpc::Status::OK : rpc::ToStatus(read.error());
}

}  // namespace sekisho::ledger
