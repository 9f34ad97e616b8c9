#include "shared/bus/kafka/outbox.h"

#include <algorithm>

#include "shared/bus/header.h"

namespace sekisho::bus::kafka {
namespace {

// Below message.max.bytes of a broker that was left as it is (1,048,588), with room for the headers.
constexpr size_t kLargestValue = 900 * 1024;
constexpr size_t kBatchOctets = 4 * 1024 * 1024;

std::string Table(std::string_view schema) { return "{" + std::string(schema) + ".outbox}"; }

Result<OutboxRow> ReadRow(const store::Row& row) {
  OutboxRow read;
  read.key.shard = row.Int(0);
  SEKISHO_TRY(read.key.event, EventId::FromOctets(row.Blob(1)));
  const int64_t topic = row.Int(2);
  if (topic < 0 || topic >= static_cast<int64_t>(kTopics.size())) {
    return MakeError(Code::kCorrupt, "an outbox row names an unknown topic");
  }
  read.topic = static_cast<Topic>(topic);
  SEKISHO_TRY(read.message.key, MailId::FromOctets(row.Blob(3)));
  SEKISHO_TRY(read.message.header, DecodeHeader(row.Blob(4)));
  read.message.value = row.Blob(5);
  return read;
}

}  // namespace

OutboxTable::OutboxTable(std::string schema, int shards)
    : schema_(std::move(schema)),
      shards_(shards),
      insert_("INSERT INTO " + Table(schema_) +
              " (shard, event, topic, mail, header, value) VALUES ($1, $2, $3, $4, $5, $6)"),
      select_("SELECT shard, event, topic, mail, header, value FROM " + Table(schema_) +
              " WHERE shard >= $1 AND shard <= $2 ORDER BY shard, event LIMIT $3"),
      delete_("DELETE FROM " + Table(schema_) + " WHERE shard = $1 AND event = $2"),
      count_("SELECT COUNT(*) FROM (SELECT 1 FROM " + Table(schema_) + " LIMIT 100000) AS counted"),
      oldest_("SELECT event FROM " + Table(schema_) +
              " WHERE shard >= $1 AND shard <= $2 ORDER BY shard, event LIMIT 1") {}

Status OutboxTable::Migrate(store::Database& database) const {
  const store::Migration migrations[] = {
      {1, "CREATE TABLE " + Table(schema_) +
              " (shard BIGINT NOT NULL, event {blob} NOT NULL, topic INTEGER NOT NULL, mail {blob} NOT NULL, "
              "header {blob} NOT NULL, value {blob} NOT NULL, PRIMARY KEY (shard, event));\n"},
  };
  return database.Migrate(schema_ + "/outbox", migrations);
}

int OutboxTable::ShardOf(const MailId& mail) const {
  uint64_t hash = 14695981039346656037u;  // FNV-1a
  for (const char octet : mail.octets()) hash = (hash ^ static_cast<unsigned char>(octet)) * 1099511628211u;
  return static_cast<int>(hash % static_cast<uint64_t>(shards_));
}

int64_t OutboxTable::LastOf(int shard) const { return shard == shards_ - 1 ? INT32_MAX : shard; }

Status OutboxTable::Append(store::Tx& tx, Topic topic, const Message& message) const {
  if (message.value.size() > kLargestValue) {
    return MakeError(Code::kLimit,
                     "a record of " + std::to_string(message.value.size()) + " octets is too large for the broker");
  }
  SEKISHO_RETURN_IF_ERROR(
      tx.Execute(insert_, {static_cast<int64_t>(ShardOf(message.key)), store::Octets{message.header.id.octets()},
                           static_cast<int64_t>(topic), store::Octets{message.key.octets()},
                           store::Octets{EncodeHeader(message.header)}, store::Octets{message.value}}));
  return Ok();
}

Result<std::vector<OutboxRow>> OutboxTable::Select(store::Tx& tx, int shard, size_t rows,
                                                   const std::set<OutboxKey>& but) const {
  std::vector<OutboxRow> all;
  size_t octets = 0;
  const auto most = static_cast<int64_t>(rows + but.size());
  SEKISHO_RETURN_IF_ERROR(
      tx.Query(select_, {static_cast<int64_t>(shard), LastOf(shard), most}, [&](const store::Row& row) -> Status {
        if (octets > kBatchOctets) return Ok();
        SEKISHO_TRY(OutboxRow read, ReadRow(row));
        if (but.contains(read.key)) return Ok();
        octets += read.message.value.size();
        all.push_back(std::move(read));
        return Ok();
      }));
  return all;
}

Status OutboxTable::Delete(store::Tx& tx, const std::vector<OutboxKey>& keys) const {
  for (const OutboxKey& key : keys) {
    SEKISHO_RETURN_IF_ERROR(tx.Execute(delete_, {key.shard, store::Octets{key.event.octets()}}));
  }
  return Ok();
}

Result<uint64_t> OutboxTable::Count(store::Tx& tx) const {
  uint64_t count = 0;
  SEKISHO_RETURN_IF_ERROR(tx.Query(count_, {}, [&](const store::Row& row) {
    count = static_cast<uint64_t>(row.Int(0));
    return Ok();
  }));
  return count;
}

Result<std::optional<TimePoint>> OutboxTable::Oldest(store::Tx& tx) const {
  std::optional<TimePoint> oldest;
  for (int shard = 0; shard < shards_; ++shard) {
    SEKISHO_RETURN_IF_ERROR(
        tx.Query(oldest_, {static_cast<int64_t>(shard), LastOf(shard)}, [&](const store::Row& row) -> Status {
          SEKISHO_TRY(const EventId event, EventId::FromOctets(row.Blob(0)));
          oldest = std::min(oldest.value_or(TimePoint::max()), event.uuid().time());
          return Ok();
        }));
  }
  return oldest;
}

}  // namespace sekisho::bus::kafka
