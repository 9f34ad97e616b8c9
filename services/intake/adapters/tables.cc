#include "services/intake/adapters/tables.h"

namespace sekisho::intake {

using store::Octets;
using store::Row;
using store::Statement;

Status MigrateTables(store::Database& database) {
  static const store::Migration kMigrations[] = {
      {1,
       "CREATE TABLE {intake.mail} (mail {blob} NOT NULL PRIMARY KEY, owner {blob} NOT NULL, sealed {blob} NOT NULL, "
       "open INTEGER NOT NULL, closed_at BIGINT);\n"
       "CREATE INDEX intake_mail_closed ON {intake.mail} (closed_at) WHERE closed_at IS NOT NULL;\n"
       "CREATE TABLE {intake.request} (owner {blob} NOT NULL, request TEXT NOT NULL, digest {blob} NOT NULL, "
       "mail {blob} NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (owner, request));\n"
       "CREATE INDEX intake_request_at ON {intake.request} (at);\n"},
  };
  return database.Migrate("intake", kMigrations);
}

Status InsertMail(store::Tx& tx, const MailRow& row, int64_t recipients) {
  static const Statement kInsert(
      "INSERT INTO {intake.mail} (mail, owner, sealed, open, closed_at) VALUES ($1, $2, $3, $4, NULL)");
  SEKISHO_RETURN_IF_ERROR(
      tx.Execute(kInsert, {Octets{row.mail.octets()}, Octets{row.owner}, Octets{row.sealed_mail}, recipients}));
  return Ok();
}

Result<std::optional<MailRow>> FindMail(store::Tx& tx, const MailId& mail) {
  static const Statement kFind("SELECT owner, sealed FROM {intake.mail} WHERE mail = $1");
  std::optional<MailRow> found;
  SEKISHO_RETURN_IF_ERROR(tx.Query(kFind, {Octets{mail.octets()}}, [&](const Row& row) {
    found = MailRow{mail, std::string(row.Blob(0)), std::string(row.Blob(1))};
    return Ok();
  }));
  return found;
}

Status CloseRecipients(store::Tx& tx, const MailId& mail, int64_t recipients, TimePoint now) {
  // Of a mail that did not come through here, which is one of the system's own, the first outcome makes the row.
  static const Statement kClose(
      "INSERT INTO {intake.mail} AS known (mail, owner, sealed, open, closed_at) VALUES ($1, $2, $2, 0, $4) "
      "ON CONFLICT (mail) DO UPDATE SET open = known.open - $3, "
      "closed_at = CASE WHEN known.open <= $3 THEN excluded.closed_at ELSE NULL END");
  SEKISHO_RETURN_IF_ERROR(tx.Execute(kClose, {Octets{mail.octets()}, Octets{""}, recipients, ToMicros(now)}));
  return Ok();
}

Result<std::vector<MailId>> ClosedBefore(store::Tx& tx, TimePoint before, int64_t max) {
  static const Statement kClosed(
      "SELECT mail FROM {intake.mail} WHERE closed_at IS NOT NULL AND closed_at < $1 ORDER BY closed_at LIMIT $2 "
      "{skip_locked}");
  std::vector<MailId> mails;
  SEKISHO_RETURN_IF_ERROR(tx.Query(kClosed, {ToMicros(before), max}, [&](const Row& row) -> Status {
    SEKISHO_TRY(const MailId mail, MailId::FromOctets(row.Blob(0)));
    mails.push_back(mail);
    return Ok();
  }));
  return mails;
}

Status DeleteMail(store::Tx& tx, const MailId& mail) {
  static const Statement kDelete("DELETE FROM {intake.mail} WHERE mail = $1");
  SEKISHO_RETURN_IF_ERROR(tx.Execute(kDelete, {Octets{mail.octets()}}));
  return Ok();
}

Result<std::optional<RequestRow>> FindRequest(store::Tx& tx, std::string_view owner, std::string_view request_id) {
  static const Statement kFind("SELECT mail, digest, at FROM {intake.request} WHERE owner = $1 AND request = $2");
  std::optional<RequestRow> found;
  SEKISHO_RETURN_IF_ERROR(tx.Query(kFind, {Octets{owner}, request_id}, [&](const Row& row) -> Status {
    SEKISHO_TRY(const MailId mail, MailId::FromOctets(row.Blob(0)));
    found = RequestRow{mail, std::string(row.Blob(1)), FromMicros(row.Int(2))};
    return Ok();
  }));
  return found;
}

Result<bool> InsertRequest(store::Tx& tx, std::string_view owner, std::string_view request_id, const RequestRow& row) {
  static const Statement kInsert(
      "INSERT INTO {intake.request} (owner, request, digest, mail, at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO "
      "NOTHING");
  SEKISHO_TRY(const int64_t inserted, tx.Execute(kInsert, {Octets{owner}, request_id, Octets{row.digest},
                                                           Octets{row.mail.octets()}, ToMicros(row.at)}));
  return inserted == 1;
}

Status DeleteRequestsBefore(store::Tx& tx, TimePoint before) {
  static const Statement kDelete("DELETE FROM {intake.request} WHERE at < $1");
  SEKISHO_RETURN_IF_ERROR(tx.Execute(kDelete, {ToMicros(before)}));
  return Ok();
}

}  // namespace sekisho::intake
