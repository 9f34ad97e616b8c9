#include "shared/stage/tables.h"

#include <algorithm>

#include "shared/base/id_time.h"
#include "shared/bus/header.h"
#include "shared/stage/stage.h"

namespace sekisho::stage {
namespace {

std::string Named(std::string_view schema, std::string_view table) {
  return "{" + std::string(schema) + "." + std::string(table) + "}";
}

// The inbox is a ring of days: an event is in the table of the day on which it was minted, and a table is emptied as a
// whole before its day comes round again. Where rows are never deleted, nothing slows down.
constexpr int64_t kInboxDays = 32;
constexpr int64_t kDaysKept = 21;  // longer than any topic keeps a record (7 days, unless it is told otherwise)
constexpr int64_t kDaysAhead = 2;  // by how much clocks may differ
constexpr Duration kDay = std::chrono::hours(24);

int64_t DayOf(TimePoint time) {
  const int64_t days = ToMicros(time) / kDay.count() % kInboxDays;
  return days < 0 ? days + kInboxDays : days;
}
std::string DayTable(int64_t day) { return "inbox_" + std::to_string(day); }

// As partitions, each of them a table of its own.
std::string PartitionedInbox(std::string_view schema) {
  std::string sql =
      "DROP TABLE " + Named(schema, "inbox") + ";\nCREATE TABLE " + Named(schema, "inbox") +
      " (day INTEGER NOT NULL, event {blob} NOT NULL, PRIMARY KEY (day, event)) PARTITION BY LIST (day);\n";
  for (int64_t day = 0; day < kInboxDays; ++day) {
    sql += "CREATE TABLE " + Named(schema, DayTable(day)) + " PARTITION OF " + Named(schema, "inbox") +
           " FOR VALUES IN (" + std::to_string(day) + ");\n";
  }
  return sql;
}

constexpr char kColumns[] = "event, topic, mail, header, value, attempts, at, cause";

Result<Kept> ReadKept(const store::Row& row) {
  Kept kept;
  SEKISHO_TRY(kept.event, EventId::FromOctets(row.Blob(0)));
  const int64_t topic = row.Int(1);
  if (topic < 0 || topic >= static_cast<int64_t>(bus::kTopics.size())) {
    return MakeError(Code::kCorrupt, "a kept record names an unknown topic");
  }
  kept.topic = static_cast<bus::Topic>(topic);
  SEKISHO_TRY(kept.message.key, MailId::FromOctets(row.Blob(2)));
  SEKISHO_TRY(kept.message.header, bus::DecodeHeader(row.Blob(3)));
  kept.message.value = row.Blob(4);
  kept.attempts = static_cast<uint32_t>(row.Int(5));
  kept.at = FromMicros(row.Int(6));
  kept.cause = row.Text(7);
  return kept;
}

Status Put(store::Tx& tx, const store::Statement& statement, const Kept& kept) {
  return [&]() -> Status {
    SEKISHO_RETURN_IF_ERROR(tx.Execute(
        statement,
        {store::Octets{kept.event.octets()}, static_cast<int64_t>(kept.topic), store::Octets{kept.message.key.octets()},
         store::Octets{bus::EncodeHeader(kept.message.header)}, store::Octets{kept.message.value},
         static_cast<int64_t>(kept.attempts), ToMicros(kept.at), kept.cause}));
    return Ok();
  }();
}

Result<std::optional<Kept>> One(store::Tx& tx, const store::Statement& statement, const EventId& event) {
  std::optional<Kept> found;
  SEKISHO_RETURN_IF_ERROR(tx.Query(statement, {store::Octets{event.octets()}}, [&](const store::Row& row) -> Status {
    SEKISHO_TRY(found, ReadKept(row));
    return Ok();
  }));
  return found;
}

Result<std::vector<Kept>> List(store::Tx& tx, const store::Statement& statement) {
  std::vector<Kept> all;
  SEKISHO_RETURN_IF_ERROR(tx.Query(statement, {}, [&](const store::Row& row) -> Status {
    SEKISHO_TRY(Kept kept, ReadKept(row));
    all.push_back(std::move(kept));
    return Ok();
  }));
  return all;
}

}  // namespace

Tables::Tables(std::string_view schema)
    : enter_inbox_("INSERT INTO " + Named(schema, "inbox") + " (day, event) VALUES ($1, $2) ON CONFLICT DO NOTHING"),
      newest_in_inbox_("SELECT event FROM " + Named(schema, "inbox") +
                       " WHERE day = $1 AND event < $2 ORDER BY event DESC LIMIT 1"),
      put_waiting_("INSERT INTO " + Named(schema, "waiting") + " (" + kColumns +
                   ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (event) DO UPDATE SET "
                   "attempts = excluded.attempts, at = excluded.at, cause = excluded.cause"),
      remove_waiting_("DELETE FROM " + Named(schema, "waiting") + " WHERE event = $1"),
      lease_("WITH due AS MATERIALIZED (SELECT event FROM " + Named(schema, "waiting") +
             " WHERE topic = $2 AND at <= $3 ORDER BY at LIMIT $4 {skip_locked}) UPDATE " + Named(schema, "waiting") +
             " SET at = $1 WHERE event IN (SELECT event FROM due) RETURNING " + kColumns),
      count_waiting_("SELECT COUNT(*) FROM " + Named(schema, "waiting") + " WHERE topic = $1"),
      list_waiting_("SELECT " + std::string(kColumns) + " FROM " + Named(schema, "waiting") +
                    " ORDER BY at LIMIT 1000"),
      put_parked_("INSERT INTO " + Named(schema, "parked") + " (" + kColumns +
                  ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (event) DO NOTHING"),
      list_parked_("SELECT " + std::string(kColumns) + " FROM " + Named(schema, "parked") + " ORDER BY at LIMIT 1000"),
      count_parked_("SELECT topic, COUNT(*) FROM " + Named(schema, "parked") + " GROUP BY topic"),
      find_parked_("SELECT " + std::string(kColumns) + " FROM " + Named(schema, "parked") + " WHERE event = $1"),
      take_parked_("DELETE FROM " + Named(schema, "parked") + " WHERE event = $1 RETURNING " + kColumns) {
  for (int64_t day = 0; day < kInboxDays; ++day) {
    empty_inbox_.push_back(std::make_unique<const store::Statement>("TRUNCATE " + Named(schema, DayTable(day))));
  }
}

Result<bool> Tables::EnterInbox(store::Tx& tx, const EventId& event) const {
  SEKISHO_TRY(const int64_t changed,
              tx.Execute(enter_inbox_, {DayOf(event.uuid().time()), store::Octets{event.octets()}}));
  return changed == 1;
}

Status Tables::ForgetInbox(store::Database& database, TimePoint now) const {
  // From the day after the last that is expected to the day before the first that is kept, a round later.
  for (int64_t ahead = kDaysAhead + 1; ahead < kInboxDays - kDaysKept; ++ahead) {
    const int64_t day = DayOf(now + ahead * kDay);
    bool old = false;
    SEKISHO_RETURN_IF_ERROR(database.Read([&](store::Tx& tx) {
      // A clock that jumped may have put newer ones there; those are kept for a round.
      return tx.Query(newest_in_inbox_, {day, store::Octets{LowestIdAt(now + kInboxDays * kDay)}},
                      [&](const store::Row& row) -> Status {
                        SEKISHO_TRY(const EventId newest, EventId::FromOctets(row.Blob(0)));
                        old = newest.uuid().time() < now - kDaysKept * kDay;
                        return Ok();
                      });
    }));
    if (!old) continue;
    SEKISHO_RETURN_IF_ERROR(database.RunAndWait([&](store::Tx& tx) -> Status {
      SEKISHO_RETURN_IF_ERROR(tx.Execute(*empty_inbox_[static_cast<size_t>(day)], {}));
      return Ok();
    }));
  }
  return Ok();
}

Status Tables::PutWaiting(store::Tx& tx, const Kept& kept) const { return Put(tx, put_waiting_, kept); }

Result<bool> Tables::RemoveWaiting(store::Tx& tx, const EventId& event) const {
  SEKISHO_TRY(const int64_t removed, tx.Execute(remove_waiting_, {store::Octets{event.octets()}}));
  return removed == 1;
}

Result<std::vector<Kept>> Tables::LeaseWaiting(store::Tx& tx, bus::Topic topic, TimePoint now, TimePoint until,
                                               int64_t max) const {
  std::vector<Kept> due;
  SEKISHO_RETURN_IF_ERROR(tx.Query(lease_, {ToMicros(until), static_cast<int64_t>(topic), ToMicros(now), max},
                                   [&](const store::Row& row) -> Status {
                                     SEKISHO_TRY(Kept kept, ReadKept(row));
                                     due.push_back(std::move(kept));
                                     return Ok();
                                   }));
  return due;
}

Result<uint64_t> Tables::CountWaiting(store::Tx& tx, bus::Topic topic) const {
  uint64_t count = 0;
  SEKISHO_RETURN_IF_ERROR(tx.Query(count_waiting_, {static_cast<int64_t>(topic)}, [&](const store::Row& row) {
    count = static_cast<uint64_t>(row.Int(0));
    return Ok();
  }));
  return count;
}

Status Tables::PutParked(store::Tx& tx, const Kept& kept) const { return Put(tx, put_parked_, kept); }

Result<std::vector<Kept>> Tables::ListWaiting(store::Tx& tx) const { return List(tx, list_waiting_); }

Result<std::vector<Kept>> Tables::ListParked(store::Tx& tx) const { return List(tx, list_parked_); }

Result<std::map<bus::Topic, uint64_t>> Tables::CountParked(store::Tx& tx) const {
  std::map<bus::Topic, uint64_t> counts;
  SEKISHO_RETURN_IF_ERROR(tx.Query(count_parked_, {}, [&](const store::Row& row) {
    counts[static_cast<bus::Topic>(row.Int(0))] = static_cast<uint64_t>(row.Int(1));
    return Ok();
  }));
  return counts;
}

Result<std::optional<Kept>> Tables::FindParked(store::Tx& tx, const EventId& event) const {
  return One(tx, find_parked_, event);
}

Result<Kept> Tables::TakeParked(store::Tx& tx, const EventId& event) const {
  SEKISHO_TRY(std::optional<Kept> found, One(tx, take_parked_, event));
  if (!found) return MakeError(Code::kNotFound, "no record " + event.ToString() + " is parked here");
  return *std::move(found);
}

Status MigrateStageTables(store::Database& database, std::string_view schema) {
  const auto kept = [&](std::string_view table) {
    return "CREATE TABLE " + Named(schema, table) +
           " (event {blob} NOT NULL PRIMARY KEY, topic INTEGER NOT NULL, mail {blob} NOT NULL, header {blob} NOT NULL, "
           "value {blob} NOT NULL, attempts INTEGER NOT NULL, at BIGINT NOT NULL, cause TEXT NOT NULL);\n";
  };
  const store::Migration migrations[] = {
      {1, "CREATE TABLE " + Named(schema, "inbox") + " (event {blob} NOT NULL PRIMARY KEY, at BIGINT NOT NULL);\n" +
              kept("waiting") + kept("parked")},
      {2, "CREATE INDEX " + std::string(schema) + "_waiting_due ON " + Named(schema, "waiting") + " (topic, at)"},
      {3,
       "DROP TABLE " + Named(schema, "inbox") + ";\nCREATE TABLE " + Named(schema, "inbox") +
           " (day INTEGER NOT NULL, event {blob} NOT NULL, PRIMARY KEY (day, event))",
       PartitionedInbox(schema)},
  };
  return database.Migrate(std::string(schema) + "/stage", migrations);
}

}  // namespace sekisho::stage
