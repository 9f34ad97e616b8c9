#include "services/delivery/adapters/queue_table.h"

namespace sekisho::delivery {
namespace {

using store::Octets;
using store::Row;
using store::Statement;
using store::Tx;

constexpr char kColumns[] = "mail, parcel, idx, state, destination, attempts, queued_at, noticed, sealed";

std::string Select(std::string_view rest) {
  return "SELECT " + std::string(kColumns) + " FROM {delivery.recipient} " + std::string(rest);
}

const Statement kInsert(
    "INSERT INTO {delivery.recipient} (mail, parcel, idx, state, destination, attempts, queued_at, noticed, sealed, "
    "owner, due) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING");
// Updates the rows that a SELECT finds, up to its LIMIT, but for those that others are about to change.
std::string UpdateFound(std::string_view where, std::string_view set) {
  return "WITH found AS MATERIALIZED (SELECT mail, parcel, idx FROM {delivery.recipient} WHERE " + std::string(where) +
         " {skip_locked}) UPDATE {delivery.recipient} SET " + std::string(set) +
         " WHERE (mail, parcel, idx) IN (SELECT mail, parcel, idx FROM found)";
}
const Statement kClaim(UpdateFound("owner IS NULL AND destination = $3 AND due <= $4 ORDER BY due LIMIT $5",
                                   "owner = $1, due = $2, attempts = attempts + 1") +
                       " RETURNING " + std::string(kColumns));
constexpr char kHeld[] = "WHERE mail = $1 AND parcel = $2 AND idx = $3 AND owner = $4";
const Statement kDelete("DELETE FROM {delivery.recipient} " + std::string(kHeld));
const Statement kDefer("UPDATE {delivery.recipient} SET owner = NULL, state = 3, due = $5, noticed = $6 " +
                       std::string(kHeld));
const Statement kRelease("UPDATE {delivery.recipient} SET owner = NULL, state = 0, due = $5, attempts = attempts - 1 " +
                         std::string(kHeld));
const Statement kTakeOver(UpdateFound("owner = $1 LIMIT $3", "owner = NULL, state = 3, due = $2") + " RETURNING " +
                          std::string(kColumns));
const Statement kClaiming("SELECT DISTINCT owner FROM {delivery.recipient} WHERE owner IS NOT NULL");
const Statement kPutOwner(
    "INSERT INTO {delivery.owner} (owner, until) VALUES ($1, $2) ON CONFLICT (owner) DO UPDATE SET until = "
    "excluded.until");
const Statement kRemoveOwner("DELETE FROM {delivery.owner} WHERE owner = $1");
const Statement kForgetOwners("DELETE FROM {delivery.owner} WHERE until < $1");
const Statement kOwners("SELECT owner, until FROM {delivery.owner}");
const Statement kOfMail("SELECT " + std::string(kColumns) +
                        ", owner FROM {delivery.recipient} WHERE mail = $1 ORDER BY parcel, idx {for_update}");
const Statement kHasRows("SELECT 1 FROM {delivery.recipient} WHERE mail = $1 LIMIT 1");
const Statement kDeleteWaiting(
    "DELETE FROM {delivery.recipient} WHERE mail = $1 AND parcel = $2 AND idx = $3 AND owner IS NULL");
const Statement kCount(
    "SELECT destination, state, COUNT(*), MIN(due) FROM {delivery.recipient} WHERE owner IS NULL GROUP BY destination, "
    "state");
const Statement kNextDue(
    "SELECT due FROM {delivery.recipient} WHERE owner IS NULL AND destination = $1 ORDER BY due LIMIT 1");
const Statement kFlush(UpdateFound("owner IS NULL AND destination = $1 AND due > $2 LIMIT $3", "due = $2"));
const Statement kReschedule(UpdateFound("owner IS NULL AND due > $1 LIMIT $3", "due = $2") + " RETURNING destination");
const Statement kOldest("SELECT MIN(queued_at) FROM {delivery.recipient} WHERE owner IS NULL AND destination = $1");
const Statement kAny(Select("WHERE owner IS NULL AND destination = $1 LIMIT 1"));
const Statement kAfter(Select("WHERE (mail, parcel, idx) > ($1, $2, $3) ORDER BY mail, parcel, idx LIMIT $4"));
const Statement kMove("UPDATE {delivery.recipient} SET destination = $4 WHERE mail = $1 AND parcel = $2 AND idx = $3");

const Statement kInsertTombstone(
    "INSERT INTO {delivery.tombstone} (mail, event, at, sealed) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING");
const Statement kTombstones("SELECT sealed FROM {delivery.tombstone} WHERE mail = $1 ORDER BY event");
const Statement kDeleteTombstones("DELETE FROM {delivery.tombstone} WHERE at < $1");

const Statement kInsertSuspension(
    "INSERT INTO {delivery.suspension} (destination, name) VALUES ($1, $2) ON CONFLICT DO NOTHING");
const Statement kDeleteSuspension("DELETE FROM {delivery.suspension} WHERE destination = $1");
const Statement kSuspensions("SELECT destination, name FROM {delivery.suspension} ORDER BY name");

const Statement kRoutes("SELECT digest FROM {delivery.routes}");
const Statement kForgetRoutes("DELETE FROM {delivery.routes}");
const Statement kSetRoutes("INSERT INTO {delivery.routes} (digest) VALUES ($1)");

Result<QueueRow> Read(const Row& row) {
  QueueRow out;
  SEKISHO_TRY(out.key.mail, MailId::FromOctets(row.Blob(0)));
  SEKISHO_TRY(out.key.parcel, ParcelId::FromOctets(row.Blob(1)));
  out.key.index = static_cast<int32_t>(row.Int(2));
  const int64_t state = row.Int(3);
  if (state != static_cast<int64_t>(State::kQueued) && state != static_cast<int64_t>(State::kDeferred)) {
    return MakeError(Code::kCorrupt, "a queue row has an unknown state");
  }
  out.state = static_cast<State>(state);
  out.destination = row.Blob(4);
  out.attempts = static_cast<int>(row.Int(5));
  out.queued_at = FromMicros(row.Int(6));
  out.noticed = row.Int(7) != 0;
  out.sealed = row.Blob(8);
  return out;
}

Result<std::vector<QueueRow>> ReadAll(Tx& tx, const Statement& statement, std::initializer_list<store::Param> params) {
  std::vector<QueueRow> rows;
  SEKISHO_RETURN_IF_ERROR(tx.Query(statement, params, [&](const Row& row) -> Status {
    SEKISHO_TRY(QueueRow read, Read(row));
    rows.push_back(std::move(read));
    return Ok();
  }));
  return rows;
}

Result<std::optional<TimePoint>> ReadTime(Tx& tx, const Statement& statement, std::string_view destination) {
  std::optional<TimePoint> time;
  SEKISHO_RETURN_IF_ERROR(tx.Query(statement, {Octets{destination}}, [&](const Row& row) {
    if (!row.IsNull(0)) time = FromMicros(row.Int(0));
    return Ok();
  }));
  return time;
}

Status ChangedOne(const Result<int64_t>& changed) {
  if (!changed.ok()) return changed.error();
  if (*changed != 1) return MakeError(Code::kPrecondition, "a queue row is not held any more");
  return Ok();
}

}  // namespace

Status MigrateQueue(store::Database& database) {
  const store::Migration migrations[] = {
      {1,
       "CREATE TABLE {delivery.recipient} (mail {blob} NOT NULL, parcel {blob} NOT NULL, idx INTEGER NOT NULL, "
       "state INTEGER NOT NULL, destination {blob} NOT NULL, attempts INTEGER NOT NULL, queued_at BIGINT NOT NULL, "
       "due BIGINT NOT NULL, owner {blob}, noticed INTEGER NOT NULL, sealed {blob} NOT NULL, PRIMARY KEY (mail, "
       "parcel, idx));\n"
       "CREATE INDEX delivery_recipient_waiting ON {delivery.recipient} (destination, due, state) WHERE owner IS "
       "NULL;\n"
       "CREATE INDEX delivery_recipient_claimed ON {delivery.recipient} (owner) WHERE owner IS NOT NULL;\n"
       "CREATE TABLE {delivery.tombstone} (mail {blob} NOT NULL, event {blob} NOT NULL, at BIGINT NOT NULL, "
       "sealed {blob} NOT NULL, PRIMARY KEY (mail, event));\n"
       "CREATE TABLE {delivery.suspension} (destination {blob} NOT NULL PRIMARY KEY, name TEXT NOT NULL);\n"
       "CREATE TABLE {delivery.routes} (digest {blob} NOT NULL);\n"},
      {2, "CREATE TABLE {delivery.owner} (owner {blob} NOT NULL PRIMARY KEY, until BIGINT NOT NULL);\n"},
  };
  return database.Migrate(kSchema, migrations);
}

Result<bool> InsertRow(Tx& tx, const QueueRow& row, std::string_view owner, TimePoint due) {
  const store::Param held_by = owner.empty() ? store::Param(nullptr) : store::Param(Octets{owner});
  SEKISHO_TRY(
      const int64_t changed,
      tx.Execute(kInsert, {Octets{row.key.mail.octets()}, Octets{row.key.parcel.octets()}, int64_t{row.key.index},
                           static_cast<int64_t>(row.state), Octets{row.destination}, int64_t{row.attempts},
                           ToMicros(row.queued_at), int64_t{row.noticed}, Octets{row.sealed}, held_by, ToMicros(due)}));
  return changed == 1;
}

Result<std::vector<QueueRow>> ClaimRows(Tx& tx, std::string_view destination, std::string_view owner, TimePoint now,
                                        TimePoint until, int64_t limit) {
  return ReadAll(tx, kClaim, {Octets{owner}, ToMicros(until), Octets{destination}, ToMicros(now), limit});
}

Status DeleteRow(Tx& tx, const RowKey& key, std::string_view owner) {
  return ChangedOne(
      tx.Execute(kDelete, {Octets{key.mail.octets()}, Octets{key.parcel.octets()}, int64_t{key.index}, Octets{owner}}));
}

Status DeferRow(Tx& tx, const RowKey& key, std::string_view owner, TimePoint due, bool noticed) {
  return ChangedOne(tx.Execute(kDefer, {Octets{key.mail.octets()}, Octets{key.parcel.octets()}, int64_t{key.index},
                                        Octets{owner}, ToMicros(due), int64_t{noticed}}));
}

Status ReleaseRow(Tx& tx, const RowKey& key, std::string_view owner, TimePoint due) {
  return ChangedOne(tx.Execute(kRelease, {Octets{key.mail.octets()}, Octets{key.parcel.octets()}, int64_t{key.index},
                                          Octets{owner}, ToMicros(due)}));
}

Result<std::vector<QueueRow>> TakeOverRows(Tx& tx, std::string_view owner, TimePoint due, int64_t limit) {
  return ReadAll(tx, kTakeOver, {Octets{owner}, ToMicros(due), limit});
}

Result<std::vector<std::string>> ClaimingOwners(Tx& tx) {
  std::vector<std::string> owners;
  SEKISHO_RETURN_IF_ERROR(tx.Query(kClaiming, {}, [&](const Row& row) {
    owners.emplace_back(row.Blob(0));
    return Ok();
  }));
  return owners;
}

Status PutOwner(Tx& tx, std::string_view owner, TimePoint until) {
  constexpr auto kRemembered = std::chrono::hours(24);
  SEKISHO_RETURN_IF_ERROR(tx.Execute(kForgetOwners, {ToMicros(until - kRemembered)}));
  SEKISHO_RETURN_IF_ERROR(tx.Execute(kPutOwner, {Octets{owner}, ToMicros(until)}));
  return Ok();
}

Status RemoveOwner(Tx& tx, std::string_view owner) {
  SEKISHO_RETURN_IF_ERROR(tx.Execute(kRemoveOwner, {Octets{owner}}));
  return Ok();
}

Result<std::map<std::string, TimePoint>> KnownOwners(Tx& tx) {
  std::map<std::string, TimePoint> owners;
  SEKISHO_RETURN_IF_ERROR(tx.Query(kOwners, {}, [&](const Row& row) {
    owners[std::string(row.Blob(0))] = FromMicros(row.Int(1));
    return Ok();
  }));
  return owners;
}

Result<std::vector<MailRow>> RowsOfMail(Tx& tx, const MailId& mail) {
  std::vector<MailRow> rows;
  SEKISHO_RETURN_IF_ERROR(tx.Query(kOfMail, {Octets{mail.octets()}}, [&](const Row& row) -> Status {
    SEKISHO_TRY(QueueRow read, Read(row));
    rows.push_back({std::move(read), !row.IsNull(9)});
    return Ok();
  }));
  return rows;
}

Result<bool> HasRows(Tx& tx, const MailId& mail) {
  bool found = false;
  SEKISHO_RETURN_IF_ERROR(tx.Query(kHasRows, {Octets{mail.octets()}}, [&](const Row&) {
    found = true;
    return Ok();
  }));
  return found;
}

Status DeleteWaitingRow(Tx& tx, const RowKey& key) {
  return ChangedOne(
      tx.Execute(kDeleteWaiting, {Octets{key.mail.octets()}, Octets{key.parcel.octets()}, int64_t{key.index}}));
}

Result<std::vector<Waiting>> CountWaiting(Tx& tx) {
  std::vector<Waiting> all;
  SEKISHO_RETURN_IF_ERROR(tx.Query(kCount, {}, [&](const Row& row) {
    if (all.empty() || all.back().destination != row.Blob(0)) {
      all.push_back({std::string(row.Blob(0)), 0, 0, TimePoint::max()});
    }
    Waiting& waiting = all.back();
    (row.Int(1) == static_cast<int64_t>(State::kDeferred) ? waiting.deferred : waiting.queued) +=
        static_cast<uint64_t>(row.Int(2));
    waiting.next_due = std::min(waiting.next_due, FromMicros(row.Int(3)));
    return Ok();
  }));
  return all;
}

Result<std::optional<TimePoint>> NextDue(Tx& tx, std::string_view destination) {
  return ReadTime(tx, kNextDue, destination);
}
Result<std::optional<TimePoint>> OldestQueued(Tx& tx, std::string_view destination) {
  return ReadTime(tx, kOldest, destination);
}

Result<int64_t> FlushRows(Tx& tx, std::string_view destination, TimePoint now, int64_t limit) {
  return tx.Execute(kFlush, {Octets{destination}, ToMicros(now), limit});
}

Result<std::vector<std::string>> RescheduleRows(Tx& tx, TimePoint after, TimePoint now, int64_t limit) {
  std::vector<std::string> destinations;
  SEKISHO_RETURN_IF_ERROR(tx.Query(kReschedule, {ToMicros(after), ToMicros(now), limit}, [&](const Row& row) {
    destinations.emplace_back(row.Blob(0));
    return Ok();
  }));
  return destinations;
}

Result<std::optional<QueueRow>> AnyRow(Tx& tx, std::string_view destination) {
  SEKISHO_TRY(std::vector<QueueRow> rows, ReadAll(tx, kAny, {Octets{destination}}));
  if (rows.empty()) return std::optional<QueueRow>();
  return std::optional(std::move(rows.front()));
}

Result<std::vector<QueueRow>> RowsAfter(Tx& tx, const RowKey& after, int64_t limit) {
  return ReadAll(tx, kAfter, {Octets{after.mail.octets()}, Octets{after.parcel.octets()}, int64_t{after.index}, limit});
}

Status MoveRow(Tx& tx, const RowKey& key, std::string_view destination) {
  SEKISHO_RETURN_IF_ERROR(tx.Execute(
      kMove, {Octets{key.mail.octets()}, Octets{key.parcel.octets()}, int64_t{key.index}, Octets{destination}}));
  return Ok();
}

Status LockMail(Tx& tx, const MailId& mail) {
  return tx.Lock(std::string(kSchema) + ".mail:" + std::string(mail.octets()));
}

Status InsertTombstone(Tx& tx, const MailId& mail, const EventId& event, TimePoint at, std::string_view sealed) {
  SEKISHO_RETURN_IF_ERROR(
      tx.Execute(kInsertTombstone, {Octets{mail.octets()}, Octets{event.octets()}, ToMicros(at), Octets{sealed}}));
  return Ok();
}

Result<std::vector<std::string>> Tombstones(Tx& tx, const MailId& mail) {
  std::vector<std::string> sealed;
  SEKISHO_RETURN_IF_ERROR(tx.Query(kTombstones, {Octets{mail.octets()}}, [&](const Row& row) {
    sealed.emplace_back(row.Blob(0));
    return Ok();
  }));
  return sealed;
}

Status DeleteTombstonesBefore(Tx& tx, TimePoint before) {
  SEKISHO_RETURN_IF_ERROR(tx.Execute(kDeleteTombstones, {ToMicros(before)}));
  return Ok();
}

Status InsertSuspension(Tx& tx, const Suspension& suspension) {
  SEKISHO_RETURN_IF_ERROR(tx.Execute(kInsertSuspension, {Octets{suspension.destination}, suspension.name}));
  return Ok();
}

Status DeleteSuspension(Tx& tx, std::string_view destination) {
  SEKISHO_RETURN_IF_ERROR(tx.Execute(kDeleteSuspension, {Octets{destination}}));
  return Ok();
}

Result<std::vector<Suspension>> Suspensions(Tx& tx) {
  std::vector<Suspension> all;
  SEKISHO_RETURN_IF_ERROR(tx.Query(kSuspensions, {}, [&](const Row& row) {
    all.push_back({std::string(row.Blob(0)), std::string(row.Text(1))});
    return Ok();
  }));
  return all;
}

Result<std::string> RoutesDigest(Tx& tx) {
  std::string digest;
  SEKISHO_RETURN_IF_ERROR(tx.Query(kRoutes, {}, [&](const Row& row) {
    digest = row.Blob(0);
    return Ok();
  }));
  return digest;
}

Status SetRoutesDigest(Tx& tx, std::string_view digest) {
  SEKISHO_RETURN_IF_ERROR(tx.Lock(std::string(kSchema) + ".routes"));
  SEKISHO_RETURN_IF_ERROR(tx.Execute(kForgetRoutes, {}));
  SEKISHO_RETURN_IF_ERROR(tx.Execute(kSetRoutes, {Octets{digest}}));
  return Ok();
}

}  // namespace sekisho::delivery
