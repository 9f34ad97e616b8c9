#include "services/delivery/adapters/queue_view.h"

#include <algorithm>

namespace sekisho::delivery {
namespace {

using store::Octets;
using store::Row;
using store::Statement;
using store::Tx;

static_assert(kAges.size() == 9);
// $1 to $9: the moments before which each age begins, the youngest first.
const Statement kShape(
    "SELECT destination, COUNT(*) FILTER (WHERE queued_at > $1), "
    "COUNT(*) FILTER (WHERE queued_at > $2 AND queued_at <= $1), "
    "COUNT(*) FILTER (WHERE queued_at > $3 AND queued_at <= $2), "
    "COUNT(*) FILTER (WHERE queued_at > $4 AND queued_at <= $3), "
    "COUNT(*) FILTER (WHERE queued_at > $5 AND queued_at <= $4), "
    "COUNT(*) FILTER (WHERE queued_at > $6 AND queued_at <= $5), "
    "COUNT(*) FILTER (WHERE queued_at > $7 AND queued_at <= $6), "
    "COUNT(*) FILTER (WHERE queued_at > $8 AND queued_at <= $7), "
    "COUNT(*) FILTER (WHERE queued_at > $9 AND queued_at <= $8), "
    "COUNT(*) FILTER (WHERE queued_at <= $9) FROM {delivery.recipient} GROUP BY destination");

constexpr char kView[] =
    "SELECT mail, parcel, idx, state, destination, attempts, queued_at, noticed, sealed, owner, due "
    "FROM {delivery.recipient} WHERE (mail, parcel, idx) > ($1, $2, $3)";
constexpr char kInOrder[] = " ORDER BY mail, parcel, idx LIMIT $4";
const Statement kAll(std::string(kView) + kInOrder);
const Statement kOfMail(std::string(kView) + " AND mail = $5" + kInOrder);
const Statement kTo(std::string(kView) + " AND destination = $5" + kInOrder);

Result<ViewedRow> Read(const Row& row) {
  ViewedRow viewed;
  QueueRow& out = viewed.row;
  SEKISHO_TRY(out.key.mail, MailId::FromOctets(row.Blob(0)));
  SEKISHO_TRY(out.key.parcel, ParcelId::FromOctets(row.Blob(1)));
  out.key.index = static_cast<int32_t>(row.Int(2));
  out.state = static_cast<State>(row.Int(3));
  out.destination = row.Blob(4);
  out.attempts = static_cast<int>(row.Int(5));
  out.queued_at = FromMicros(row.Int(6));
  out.noticed = row.Int(7) != 0;
  out.sealed = row.Blob(8);
  viewed.claimed = !row.IsNull(9);
  viewed.due = FromMicros(row.Int(10));
  return viewed;
}

}  // namespace

Result<std::vector<Shape>> ShapeRows(Tx& tx, TimePoint now) {
  const auto before = [&](size_t age) { return ToMicros(now - kAges[age]); };
  std::vector<Shape> shapes;
  SEKISHO_RETURN_IF_ERROR(tx.Query(
      kShape, {before(0), before(1), before(2), before(3), before(4), before(5), before(6), before(7), before(8)},
      [&](const Row& row) {
        Shape& shape = shapes.emplace_back();
        shape.destination = row.Blob(0);
        for (size_t i = 0; i < shape.counts.size(); ++i)
          shape.counts[i] = static_cast<uint64_t>(row.Int(static_cast<int>(i) + 1));
        return Ok();
      }));
  return shapes;
}

Result<std::vector<ViewedRow>> ViewRows(Tx& tx, const RowFilter& filter) {
  std::vector<ViewedRow> rows;
  const auto take = [&](const Row& row) -> Status {
    SEKISHO_TRY(ViewedRow read, Read(row));
    rows.push_back(std::move(read));
    return Ok();
  };
  const Octets mail{filter.after.mail.octets()}, parcel{filter.after.parcel.octets()};
  const int64_t index = filter.after.index;
  if (filter.mail) {
    SEKISHO_RETURN_IF_ERROR(
        tx.Query(kOfMail, {mail, parcel, index, filter.limit, Octets{filter.mail->octets()}}, take));
    return rows;
  }
  if (filter.destinations.empty()) {
    SEKISHO_RETURN_IF_ERROR(tx.Query(kAll, {mail, parcel, index, filter.limit}, take));
    return rows;
  }
  for (const std::string& destination : filter.destinations) {
    SEKISHO_RETURN_IF_ERROR(tx.Query(kTo, {mail, parcel, index, filter.limit, Octets{destination}}, take));
  }
  std::sort(rows.begin(), rows.end(), [](const ViewedRow& a, const ViewedRow& b) { return a.row.key < b.row.key; });
  if (rows.size() > static_cast<size_t>(filter.limit)) rows.resize(static_cast<size_t>(filter.limit));
  return rows;
}

}  // namespace sekisho::delivery
