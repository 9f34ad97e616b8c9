#pragma once
// The ledger's rows. What names a person is sealed under the mail's key.

#include <string>
#include <string_view>
#include <vector>

#include "services/ledger/domain/fold.h"
#include "shared/store/store.h"

namespace sekisho::ledger {

Status MigrateTables(store::Database& database);

struct EventRow {
  EventId event;
  std::string sealed;  // a JournalEvent
};

// `owner`: blind index of the principal. A mail's row is made by its "accepted" event only.
Status InsertMail(store::Tx& tx, const MailId& mail, std::string_view owner);
Status InsertEvent(store::Tx& tx, const MailId& mail, const EventId& event, std::string_view sealed);

// The owner's blind index; empty when the mail has no row (system mail, or not yet accepted here).
Result<std::string> FindOwner(store::Tx& tx, const MailId& mail);
Result<std::vector<EventRow>> FindEvents(store::Tx& tx, const MailId& mail);
// Mail ids before `before` (nil: the newest), newest first. An empty owner: everyone's.
Result<std::vector<MailId>> ListMails(store::Tx& tx, std::string_view owner, const MailId& before, int64_t max);
// Deletes timelines of mails whose ids are older than `before`, at most `max` mails. Gives how many.
Result<int64_t> DeleteBefore(store::Tx& tx, const MailId& before, int64_t max);

}  // namespace sekisho::ledger
