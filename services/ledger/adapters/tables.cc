#include "services/ledger/adapters/tables.h"

namespace sekisho::ledger {

using store::Octets;
using store::Row;
using store::Statement;

Status MigrateTables(store::Database& database) {
  static const store::Migration kMigrations[] = {
      {1,
       "CREATE TABLE {ledger.mail} (mail {blob} NOT NULL PRIMARY KEY, owner {blob} NOT NULL);\n"
       "CREATE INDEX ledger_mail_owner ON {ledger.mail} (owner, mail);\n"
       "CREATE TABLE {ledger.event} (mail {blob} NOT NULL, event {blob} NOT NULL, sealed {blob} NOT NULL, "
       "PRIMARY KEY (mail, event));\n"},
  };
  return database.Migrate("ledger", kMigrations);
}

Status InsertMail(store::Tx& tx, const MailId& mail, std::string_view owner) {
  static const Statement kInsert("INSERT INTO {ledger.mail} (mail, owner) VALUES ($1, $2) ON CONFLICT DO NOTHING");
  SEKISHO_RETURN_IF_ERROR(tx.Execute(kInsert, {Octets{mail.octets()}, Octets{owner}}));
  return Ok();
}

Status InsertEvent(store::Tx& tx, const MailId& mail, const EventId& event, std::string_view sealed) {
  static const Statement kInsert(
      "INSERT INTO {ledger.event} (mail, event, sealed) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING");
  SEKISHO_RETURN_IF_ERROR(tx.Execute(kInsert, {Octets{mail.octets()}, Octets{event.octets()}, Octets{sealed}}));
  return Ok();
}

Result<std::string> FindOwner(store::Tx& tx, const MailId& mail) {
  static const Statement kFind("SELECT owner FROM {ledger.mail} WHERE mail = $1");
  std::string owner;
  SEKISHO_RETURN_IF_ERROR(tx.Query(kFind, {Octets{mail.octets()}}, [&](const Row& row) {
    owner = row.Blob(0);
    return Ok();
  }));
  return owner;
}

Result<std::vector<EventRow>> FindEvents(store::Tx& tx, const MailId& mail) {
  static const Statement kFind("SELECT event, sealed FROM {ledger.event} WHERE mail = $1 ORDER BY event LIMIT 10000");
  std::vector<EventRow> rows;
  SEKISHO_RETURN_IF_ERROR(tx.Query(kFind, {Octets{mail.octets()}}, [&](const Row& row) -> Status {
    EventRow found;
    SEKISHO_TRY(found.event, EventId::FromOctets(row.Blob(0)));
    found.sealed = row.Blob(1);
    rows.push_back(std::move(found));
    return Ok();
  }));
  return rows;
}

Result<std::vector<MailId>> ListMails(store::Tx& tx, std::string_view owner, const MailId& before, int64_t max) {
  static const Statement kOwn(
      "SELECT mail FROM {ledger.mail} WHERE owner = $1 AND mail < $2 ORDER BY mail DESC LIMIT $3");
  static const Statement kAll("SELECT mail FROM {ledger.mail} WHERE mail < $1 ORDER BY mail DESC LIMIT $2");
  const std::string highest(16, '\xff');
  const Octets upto{before.is_nil() ? std::string_view(highest) : before.octets()};
  std::vector<MailId> mails;
  const auto each = [&](const Row& row) -> Status {
    SEKISHO_TRY(const MailId mail, MailId::FromOctets(row.Blob(0)));
    mails.push_back(mail);
    return Ok();
  };
  SEKISHO_RETURN_IF_ERROR(owner.empty() ? tx.Query(kAll, {upto, max}, each)
                                        : tx.Query(kOwn, {Octets{owner}, upto, max}, each));
  return mails;
}

Result<int64_t> DeleteBefore(store::Tx& tx, const MailId& before, int64_t max) {
  static const Statement kOldest("SELECT DISTINCT mail FROM {ledger.event} WHERE mail < $1 ORDER BY mail LIMIT $2");
  static const Statement kEvents("DELETE FROM {ledger.event} WHERE mail = $1");
  static const Statement kMail("DELETE FROM {ledger.mail} WHERE mail = $1");
  std::vector<MailId> mails;
  SEKISHO_RETURN_IF_ERROR(tx.Query(kOldest, {Octets{before.octets()}, max}, [&](const Row& row) -> Status {
    SEKISHO_TRY(const MailId mail, MailId::FromOctets(row.Blob(0)));
    mails.push_back(mail);
    return Ok();
  }));
  for (const MailId& mail : mails) {
    SEKISHO_RETURN_IF_ERROR(tx.Execute(kEvents, {Octets{mail.octets()}}));
    SEKISHO_RETURN_IF_ERROR(tx.Execute(kMail, {Octets{mail.octets()}}));
  }
  return static_cast<int64_t>(mails.size());
}

}  // namespace sekisho::ledger
