#pragma once
// What intake keeps: a row for each mail until its content is deleted, and the request ids that gRPC callers chose.

#include <optional>
#include <string>
#include <vector>

#include "shared/base/ids.h"
#include "shared/store/store.h"

namespace sekisho::intake {

struct MailRow {
  MailId mail;
  std::string owner;        // blind index of the principal
  std::string sealed_mail;  // a sealed sekisho.mail.v1.Mail; empty for system mail
};

struct RequestRow {
  MailId mail;
  std::string digest;
  TimePoint at{};
};

Status MigrateTables(store::Database& database);

Status InsertMail(store::Tx& tx, const MailRow& row, int64_t recipients);
Result<std::optional<MailRow>> FindMail(store::Tx& tx, const MailId& mail);
// So many of its recipients are terminal now; the last one closes the mail. Unknown mail (system mail) is entered as
// closed.
Status CloseRecipients(store::Tx& tx, const MailId& mail, int64_t recipients, TimePoint now);
// Mails closed before `before`, at most `max`, oldest first.
Result<std::vector<MailId>> ClosedBefore(store::Tx& tx, TimePoint before, int64_t max);
Status DeleteMail(store::Tx& tx, const MailId& mail);

Result<std::optional<RequestRow>> FindRequest(store::Tx& tx, std::string_view owner, std::string_view request_id);
// False when the id was used before; then waits for whoever is about to use it.
Result<bool> InsertRequest(store::Tx& tx, std::string_view owner, std::string_view request_id, const RequestRow& row);
Status DeleteRequestsBefore(store::Tx& tx, TimePoint before);

}  // namespace sekisho::intake
