#include "services/approval/adapters/tables.h"

namespace sekisho::approval {

using store::Octets;
using store::Statement;

namespace {

#define SEKISHO_APPROVAL_COLUMNS "parcel, mail, sender, state, held_at, until, version, sealed"

Result<Row> ReadRow(const store::Row& from) {
  Row row;
  SEKISHO_TRY(row.parcel, ParcelId::FromOctets(from.Blob(0)));
  SEKISHO_TRY(row.mail, MailId::FromOctets(from.Blob(1)));
  row.sender = from.Blob(2);
  row.state = static_cast<State>(from.Int(3));
  row.held_at = FromMicros(from.Int(4));
  row.until = FromMicros(from.Int(5));
  row.version = from.Int(6);
  row.sealed = from.Blob(7);
  return row;
}

Result<std::vector<Row>> ReadRows(store::Tx& tx, const Statement& statement,
                                  std::initializer_list<store::Param> params) {
  std::vector<Row> rows;
  SEKISHO_RETURN_IF_ERROR(tx.Query(statement, params, [&](const store::Row& from) -> Status {
    SEKISHO_TRY(Row row, ReadRow(from));
    rows.push_back(std::move(row));
    return Ok();
  }));
  return rows;
}

}  // namespace

// 16 is kFirstTerminal: the states below it wait.
Status MigrateTables(store::Database& database) {
  static const store::Migration kMigrations[] = {
      {1,
       "CREATE TABLE {approval.parcel} (parcel {blob} NOT NULL PRIMARY KEY, mail {blob} NOT NULL, sender {blob} NOT "
       "NULL, "
       "state INTEGER NOT NULL, held_at BIGINT NOT NULL, until BIGINT NOT NULL, version BIGINT NOT NULL, "
       "sealed {blob} NOT NULL);\n"
       "CREATE INDEX approval_parcel_mail ON {approval.parcel} (mail) WHERE state < 16;\n"
       "CREATE INDEX approval_parcel_sender ON {approval.parcel} (sender, until) WHERE state < 16;\n"
       "CREATE INDEX approval_parcel_until ON {approval.parcel} (until) WHERE state < 16;\n"
       "CREATE INDEX approval_parcel_decide ON {approval.parcel} (until) WHERE state >= 3 AND state < 16;\n"
       "CREATE INDEX approval_parcel_decided ON {approval.parcel} (until) WHERE state >= 16;\n"
       "CREATE TABLE {approval.recall} (mail {blob} NOT NULL, event {blob} NOT NULL, at BIGINT NOT NULL, "
       "sealed {blob} NOT NULL, PRIMARY KEY (mail, event));\n"
       "CREATE INDEX approval_recall_at ON {approval.recall} (at);\n"},
  };
  return database.Migrate(kSchema, kMigrations);
}

Result<bool> InsertRow(store::Tx& tx, const Row& row) {
  static const Statement kInsert("INSERT INTO {approval.parcel} (" SEKISHO_APPROVAL_COLUMNS
                                 ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING");
  SEKISHO_TRY(const int64_t inserted,
              tx.Execute(kInsert, {Octets{row.parcel.octets()}, Octets{row.mail.octets()}, Octets{row.sender},
                                   static_cast<int64_t>(row.state), ToMicros(row.held_at), ToMicros(row.until),
                                   row.version, Octets{row.sealed}}));
  return inserted > 0;
}

Result<std::optional<Row>> FindRow(store::Tx& tx, const ParcelId& parcel) {
  static const Statement kFind("SELECT " SEKISHO_APPROVAL_COLUMNS " FROM {approval.parcel} WHERE parcel = $1");
  SEKISHO_TRY(std::vector<Row> rows, ReadRows(tx, kFind, {Octets{parcel.octets()}}));
  return rows.empty() ? std::nullopt : std::optional(std::move(rows.front()));
}

Result<bool> CloseRow(store::Tx& tx, const ParcelId& parcel, int64_t version, State to, TimePoint now) {
  static const Statement kClose(
      "UPDATE {approval.parcel} SET state = $3, until = $4, version = version + 1, sealed = $5 "
      "WHERE parcel = $1 AND version = $2 AND state < 16");
  SEKISHO_TRY(const int64_t changed, tx.Execute(kClose, {Octets{parcel.octets()}, version, static_cast<int64_t>(to),
                                                         ToMicros(now), Octets{""}}));
  return changed > 0;
}

Result<bool> ReplaceSealed(store::Tx& tx, const ParcelId& parcel, int64_t version, std::string_view sealed) {
  static const Statement kReplace(
      "UPDATE {approval.parcel} SET version = version + 1, sealed = $3 WHERE parcel = $1 AND version = $2 AND state < "
      "16");
  SEKISHO_TRY(const int64_t changed, tx.Execute(kReplace, {Octets{parcel.octets()}, version, Octets{sealed}}));
  return changed > 0;
}

Result<bool> Postpone(store::Tx& tx, const ParcelId& parcel, int64_t version, TimePoint until) {
  static const Statement kPostpone(
      "UPDATE {approval.parcel} SET version = version + 1, until = $3 WHERE parcel = $1 AND version = $2 AND state < "
      "16");
  SEKISHO_TRY(const int64_t changed, tx.Execute(kPostpone, {Octets{parcel.octets()}, version, ToMicros(until)}));
  return changed > 0;
}

Result<std::vector<Row>> RowsOfMail(store::Tx& tx, const MailId& mail) {
  static const Statement kOfMail("SELECT " SEKISHO_APPROVAL_COLUMNS
                                 " FROM {approval.parcel} WHERE mail = $1 AND state < 16 ORDER BY until");
  return ReadRows(tx, kOfMail, {Octets{mail.octets()}});
}

Result<std::vector<Row>> RowsOfSender(store::Tx& tx, std::string_view sender, int64_t limit) {
  static const Statement kOfSender("SELECT " SEKISHO_APPROVAL_COLUMNS
                                   " FROM {approval.parcel} WHERE sender = $1 AND state < 16 ORDER BY until LIMIT $2");
  return ReadRows(tx, kOfSender, {Octets{sender}, limit});
}

Result<std::vector<Row>> RowsForDeciders(store::Tx& tx, int64_t limit) {
  static const Statement kForDeciders(
      "SELECT " SEKISHO_APPROVAL_COLUMNS
      " FROM {approval.parcel} WHERE state >= 3 AND state < 16 ORDER BY until LIMIT $1");
  return ReadRows(tx, kForDeciders, {limit});
}

Result<std::vector<Row>> WaitingRows(store::Tx& tx, int64_t limit) {
  static const Statement kWaiting("SELECT " SEKISHO_APPROVAL_COLUMNS
                                  " FROM {approval.parcel} WHERE state < 16 ORDER BY until LIMIT $1");
  return ReadRows(tx, kWaiting, {limit});
}

Result<std::vector<Row>> DueRows(store::Tx& tx, TimePoint now, int64_t limit) {
  static const Statement kDue("SELECT " SEKISHO_APPROVAL_COLUMNS
                              " FROM {approval.parcel} WHERE state < 16 AND until <= $1 ORDER BY until LIMIT $2");
  return ReadRows(tx, kDue, {ToMicros(now), limit});
}

Result<std::map<State, Waiting>> CountWaiting(store::Tx& tx) {
  static const Statement kCount(
      "SELECT state, COUNT(*), MIN(held_at) FROM {approval.parcel} WHERE state < 16 GROUP BY state");
  std::map<State, Waiting> waiting;
  SEKISHO_RETURN_IF_ERROR(tx.Query(kCount, {}, [&](const store::Row& row) {
    waiting[static_cast<State>(row.Int(0))] = {static_cast<uint64_t>(row.Int(1)), FromMicros(row.Int(2))};
    return Ok();
  }));
  return waiting;
}

Status LockMail(store::Tx& tx, const MailId& mail) {
  return tx.Lock(std::string(kSchema) + ".mail:" + std::string(mail.octets()));
}

Status InsertRecall(store::Tx& tx, const MailId& mail, const EventId& event, TimePoint at, std::string_view sealed) {
  static const Statement kInsert(
      "INSERT INTO {approval.recall} (mail, event, at, sealed) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING");
  SEKISHO_RETURN_IF_ERROR(
      tx.Execute(kInsert, {Octets{mail.octets()}, Octets{event.octets()}, ToMicros(at), Octets{sealed}}));
  return Ok();
}

Result<std::vector<Recall>> RecallsOf(store::Tx& tx, const MailId& mail) {
  static const Statement kRecalls("SELECT event, sealed FROM {approval.recall} WHERE mail = $1 ORDER BY event");
  std::vector<Recall> recalls;
  SEKISHO_RETURN_IF_ERROR(tx.Query(kRecalls, {Octets{mail.octets()}}, [&](const store::Row& row) -> Status {
    SEKISHO_TRY(const EventId event, EventId::FromOctets(row.Blob(0)));
    recalls.push_back({event, std::string(row.Blob(1))});
    return Ok();
  }));
  return recalls;
}

Status DeleteBefore(store::Tx& tx, TimePoint before) {
  static const Statement kRows("DELETE FROM {approval.parcel} WHERE state >= 16 AND until < $1");
  static const Statement kRecalls("DELETE FROM {approval.recall} WHERE at < $1");
  SEKISHO_RETURN_IF_ERROR(tx.Execute(kRows, {ToMicros(before)}));
  SEKISHO_RETURN_IF_ERROR(tx.Execute(kRecalls, {ToMicros(before)}));
  return Ok();
}

}  // namespace sekisho::approval
