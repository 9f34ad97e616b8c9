#pragma once
// The queue's rows: one for each recipient that has no terminal state yet. What is private lies sealed in them under
// the mail's key; in clear are ids, times, numbers and a blind index of the destination. Functions run inside the
// caller's transaction.
//
// `owner` is the process that claimed a row, or NULL while the row waits; `due` is when a waiting row is to be tried,
// and until when a claim holds. A row is deleted when its recipient reaches a terminal state: history is the ledger's.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "services/delivery/domain/recipient_state.h"
#include "shared/base/clock.h"
#include "shared/base/ids.h"
#include "shared/store/store.h"

namespace sekisho::delivery {

inline constexpr char kSchema[] = "delivery";

struct RowKey {
  MailId mail;
  ParcelId parcel;
  int32_t index = 0;  // of the recipient in its parcel
  auto operator<=>(const RowKey&) const = default;
};

struct QueueRow {
  RowKey key;
  State state = State::kQueued;  // while it waits: queued or deferred; of a claimed row, what it was before
  std::string destination;       // blind index
  int attempts = 0;              // begun, this one included when claimed
  TimePoint queued_at{};
  bool noticed = false;  // the sender was told that it is late
  std::string sealed;    // mail.v1.Parcel with this one recipient
};

Status MigrateQueue(store::Database& database);

// False when the row exists already: the parcel was handed over before. `owner` empty: it waits.
Result<bool> InsertRow(store::Tx& tx, const QueueRow& row, std::string_view owner, TimePoint due);

// Makes up to `limit` due rows of a destination `owner`'s until `until`, the longest due first, and counts an attempt
// for each.
Result<std::vector<QueueRow>> ClaimRows(store::Tx& tx, std::string_view destination, std::string_view owner,
                                        TimePoint now, TimePoint until, int64_t limit);

// These change a row that `owner` holds. Errors: kPrecondition when it doesn't: somebody else took the claim over.
Status DeleteRow(store::Tx& tx, const RowKey& key, std::string_view owner);
Status DeferRow(store::Tx& tx, const RowKey& key, std::string_view owner, TimePoint due, bool noticed);
// The attempt was never begun: it doesn't count.
Status ReleaseRow(store::Tx& tx, const RowKey& key, std::string_view owner, TimePoint due);

// Ends up to `limit` claims of `owner`, whose process is dead: the rows wait, deferred and due at `due`. Gives them.
Result<std::vector<QueueRow>> TakeOverRows(store::Tx& tx, std::string_view owner, TimePoint due, int64_t limit);
// Who holds rows, and until when each owner is known to be alive (owners.h).
Result<std::vector<std::string>> ClaimingOwners(store::Tx& tx);
Result<std::map<std::string, TimePoint>> KnownOwners(store::Tx& tx);
Status PutOwner(store::Tx& tx, std::string_view owner, TimePoint until);
Status RemoveOwner(store::Tx& tx, std::string_view owner);

// A parcel that enters the queue and a recall of its mail: one after the other, or neither would see the other's row.
Status LockMail(store::Tx& tx, const MailId& mail);
// All rows of a mail, whoever holds them; `claimed` says which are held. They stay so until the transaction ends.
struct MailRow {
  QueueRow row;
  bool claimed = false;
};
Result<std::vector<MailRow>> RowsOfMail(store::Tx& tx, const MailId& mail);
Result<bool> HasRows(store::Tx& tx, const MailId& mail);
// Deletes a row that waits.
Status DeleteWaitingRow(store::Tx& tx, const RowKey& key);

// What waits, by destination.
struct Waiting {
  std::string destination;
  uint64_t queued = 0, deferred = 0;
  TimePoint next_due{};
};
Result<std::vector<Waiting>> CountWaiting(store::Tx& tx);
Result<std::optional<TimePoint>> NextDue(store::Tx& tx, std::string_view destination);
// Makes up to `limit` rows that wait for later due at `now`. Gives how many.
Result<int64_t> FlushRows(store::Tx& tx, std::string_view destination, TimePoint now, int64_t limit);
// Makes up to `limit` rows that wait for later than `after` due at `now`. Gives the destination of each.
Result<std::vector<std::string>> RescheduleRows(store::Tx& tx, TimePoint after, TimePoint now, int64_t limit);
Result<std::optional<TimePoint>> OldestQueued(store::Tx& tx, std::string_view destination);
Result<std::optional<QueueRow>> AnyRow(store::Tx& tx, std::string_view destination);

// Rows after `after` in the order of their keys, for a walk over all of them.
Result<std::vector<QueueRow>> RowsAfter(store::Tx& tx, const RowKey& after, int64_t limit);
// One that is gone meanwhile is no error.
Status MoveRow(store::Tx& tx, const RowKey& key, std::string_view destination);

// Recalls that came, by their event; each is a sealed mail.v1.Control.
Status InsertTombstone(store::Tx& tx, const MailId& mail, const EventId& event, TimePoint at, std::string_view sealed);
Result<std::vector<std::string>> Tombstones(store::Tx& tx, const MailId& mail);
Status DeleteTombstonesBefore(store::Tx& tx, TimePoint before);

// Destinations that an operator stopped, by their blind index. The name is kept in clear: it is a route's or a
// domain's.
struct Suspension {
  std::string destination;
  std::string name;
};
Status InsertSuspension(store::Tx& tx, const Suspension& suspension);
Status DeleteSuspension(store::Tx& tx, std::string_view destination);
Result<std::vector<Suspension>> Suspensions(store::Tx& tx);

// What the rows' destinations were computed with; empty before the first.
Result<std::string> RoutesDigest(store::Tx& tx);
Status SetRoutesDigest(store::Tx& tx, std::string_view digest);

}  // namespace sekisho::delivery
