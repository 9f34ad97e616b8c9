#include "services/delivery/adapters/recovery.h"

#include <map>

#include "services/delivery/adapters/batch.h"
#include "services/delivery/adapters/queue_table.h"
#include "shared/crypto/digest.h"
#include "shared/parcel/records.h"

namespace sekisho::delivery {
namespace {

constexpr int64_t kAtOnce = 500;                              // rows in one transaction
constexpr auto kTombstoneLife = std::chrono::hours(24 * 60);  // longer than any hold

struct OpenedRow {
  mail::v1::Parcel parcel;
  keys::MailKey key;
};
Result<OpenedRow> Open(const stage::Surroundings& around, const QueueRow& row) {
  SEKISHO_TRY(auto opened, around.keys.Open(row.sealed, RowContext(row.key)));
  OpenedRow out{{}, std::move(opened.key)};
  if (!out.parcel.ParseFromString(opened.plaintext) || out.parcel.recipients_size() != 1) {
    return MakeError(Code::kCorrupt, "a queue row cannot be read");
  }
  return out;
}

Status JournalTakenOver(const stage::Surroundings& around, const QueueRow& row, stage::Outbox& outbox) {
  const Result<OpenedRow> opened = Open(around, row);
  if (!opened.ok()) return Ok();  // it says so when it is claimed
  mail::v1::JournalEvent event = parcel::EventAbout(opened->parcel);
  event.set_type("possibly_duplicate");
  event.set_state(mail::v1::RECIPIENT_STATE_DEFERRED);
  event.set_detail(
      "the process stopped while sending; the mail is sent again and may arrive twice with the same Message-ID");
  return outbox.Journal(opened->key, std::move(event));
}

std::string DigestOf(const RouteTable& routes) {
  std::string text;
  for (const Route& route : routes.routes()) {
    text += route.name + '\n';
    for (const std::string& domain : route.domains) text += ' ' + domain + '\n';
  }
  return crypto::Sha256(text);
}

}  // namespace

Result<uint64_t> TakeOver(const stage::Surroundings& around, const std::string& owner, Metrics& metrics) {
  stage::Committer committer(around, kSchema);
  uint64_t taken = 0;
  for (size_t found = kAtOnce; found == kAtOnce;) {
    SEKISHO_RETURN_IF_ERROR(committer.CommitAndWait([&](store::Tx& tx, stage::Outbox& outbox) -> Status {
      SEKISHO_TRY(const std::vector<QueueRow> rows, TakeOverRows(tx, owner, around.clock.Now(), kAtOnce));
      found = rows.size();
      for (const QueueRow& row : rows) SEKISHO_RETURN_IF_ERROR(JournalTakenOver(around, row, outbox));
      return Ok();
    }));
    taken += found;
  }
  metrics.CountPossibleDuplicates(taken);
  return taken;
}

Result<uint64_t> Reroute(const stage::Surroundings& around, const RouteTable& routes) {
  const std::string digest = DigestOf(routes);
  std::string known;
  SEKISHO_RETURN_IF_ERROR(around.database.Read([&](store::Tx& tx) -> Status {
    SEKISHO_TRY(known, RoutesDigest(tx));
    return Ok();
  }));
  if (known == digest) return uint64_t{0};
  uint64_t moved = 0;
  RowKey after;
  for (size_t found = kAtOnce; found == kAtOnce;) {
    RowKey last = after;
    uint64_t changed = 0;
    SEKISHO_RETURN_IF_ERROR(around.database.RunAndWait([&](store::Tx& tx) -> Status {
      changed = 0;
      SEKISHO_TRY(const std::vector<QueueRow> rows, RowsAfter(tx, after, kAtOnce));
      found = rows.size();
      for (const QueueRow& row : rows) {
        last = row.key;
        const Result<OpenedRow> opened = Open(around, row);
        if (!opened.ok()) continue;
        const DestinationName name =
            DestinationOf(routes, opened->parcel.recipients(0).address(), opened->parcel.envelope().require_tls());
        SEKISHO_TRY(const std::string index, around.keys.BlindIndex("destination", name.Key()));
        if (index == row.destination) continue;
        SEKISHO_RETURN_IF_ERROR(MoveRow(tx, row.key, index));
        ++changed;
      }
      return Ok();
    }));
    after = last;
    moved += changed;
  }
  SEKISHO_RETURN_IF_ERROR(around.database.RunAndWait([&](store::Tx& tx) { return SetRoutesDigest(tx, digest); }));
  return moved;
}

Status ForgetOldTombstones(const stage::Surroundings& around) {
  return around.database.RunAndWait(
      [&](store::Tx& tx) { return DeleteTombstonesBefore(tx, around.clock.Now() - kTombstoneLife); });
}

}  // namespace sekisho::delivery
