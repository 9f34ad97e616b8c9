#pragma once
// The rows of what waits. What is private lies sealed in them under the mail's key; in clear are ids, times, states and
// a blind index of the sender. A row that was decided keeps its state for a while, so that who decides again is told;
// its sealed part is gone. `version` grows with each change: a change names the version it was worked out from.
//
// Functions run inside the caller's transaction.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "services/approval/domain/state_table.h"
#include "shared/base/clock.h"
#include "shared/base/ids.h"
#include "shared/store/store.h"

namespace sekisho::approval {

inline constexpr char kSchema[] = "approval";

struct Row {
  ParcelId parcel;
  MailId mail;
  std::string sender;  // blind index of the sender's login; empty where nobody's
  State state = State::kError;
  TimePoint held_at{};
  TimePoint until{};  // waiting: when its time is over; decided: when it was
  int64_t version = 1;
  std::string sealed;  // a StoredParcel (stored_parcel.h)
};

Status MigrateTables(store::Database& database);

// False when the parcel is known already.
Result<bool> InsertRow(store::Tx& tx, const Row& row);
Result<std::optional<Row>> FindRow(store::Tx& tx, const ParcelId& parcel);

// These change a waiting row that is still at `version`; false when it isn't.
Result<bool> CloseRow(store::Tx& tx, const ParcelId& parcel, int64_t version, State to, TimePoint now);
Result<bool> ReplaceSealed(store::Tx& tx, const ParcelId& parcel, int64_t version, std::string_view sealed);
Result<bool> Postpone(store::Tx& tx, const ParcelId& parcel, int64_t version, TimePoint until);

// Waiting rows, the soonest over first, at most `limit`.
Result<std::vector<Row>> RowsOfMail(store::Tx& tx, const MailId& mail);
Result<std::vector<Row>> RowsOfSender(store::Tx& tx, std::string_view sender, int64_t limit);
Result<std::vector<Row>> RowsForDeciders(store::Tx& tx, int64_t limit);  // all but timed ones and those to be confirmed
Result<std::vector<Row>> WaitingRows(store::Tx& tx, int64_t limit);
Result<std::vector<Row>> DueRows(store::Tx& tx, TimePoint now, int64_t limit);

struct Waiting {
  uint64_t count = 0;
  TimePoint oldest{};
};
Result<std::map<State, Waiting>> CountWaiting(store::Tx& tx);

// A parcel that comes to wait and a recall of its mail: one after the other, or neither would see the other's row.
Status LockMail(store::Tx& tx, const MailId& mail);
// Recalls that came, by their event: a parcel may come after them. Each is a sealed mail.v1.Control.
Status InsertRecall(store::Tx& tx, const MailId& mail, const EventId& event, TimePoint at, std::string_view sealed);
struct Recall {
  EventId event;
  std::string sealed;
};
Result<std::vector<Recall>> RecallsOf(store::Tx& tx, const MailId& mail);

// Forgets decided rows and recalls older than `before`.
Status DeleteBefore(store::Tx& tx, TimePoint before);

}  // namespace sekisho::approval
