#include "services/intake/adapters/closer.h"

#include "services/intake/adapters/tables.h"

namespace sekisho::intake {

Result<stage::Effects> Closer::Process(const stage::Input& input) {
  mail::v1::Outcome outcome;
  if (!outcome.ParseFromString(input.value)) return MakeError(Code::kCorrupt, "an outcome cannot be read");
  return stage::Effects(
      [mail = input.mail, count = static_cast<int64_t>(outcome.recipients_size()), now = clock_.Now()](
          store::Tx& tx, stage::Outbox&) { return CloseRecipients(tx, mail, count, now); });
}

Result<uint64_t> SweepClosed(store::Database& database, content::Store& content, TimePoint now, Duration retention,
                             Duration request_memory) {
  constexpr int64_t kAtOnce = 200;  // a short transaction, so that mail coming in doesn't wait
  uint64_t swept = 0;
  for (;;) {
    size_t found = 0;
    SEKISHO_RETURN_IF_ERROR(database.RunAndWait([&](store::Tx& tx) -> Status {
      SEKISHO_TRY(const std::vector<MailId> mails, ClosedBefore(tx, now - retention, kAtOnce));
      found = mails.size();
      for (const MailId& mail : mails) {
        SEKISHO_RETURN_IF_ERROR(content.Remove(tx, mail));
        SEKISHO_RETURN_IF_ERROR(DeleteMail(tx, mail));
      }
      return Ok();
    }));
    swept += found;
    if (found < kAtOnce) break;
  }
  SEKISHO_RETURN_IF_ERROR(
      database.RunAndWait([&](store::Tx& tx) { return DeleteRequestsBefore(tx, now - request_memory); }));
  return swept;
}

}  // namespace sekisho::intake
