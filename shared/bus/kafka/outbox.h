#pragma once
// A stage's outbox, {schema.outbox}: the records that its transactions tell of and the broker does not have yet. Rows
// are taken in the order of their event ids within a shard, and go when they are published: there is no cursor that
// could pass a row whose transaction commits late.

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "shared/bus/bus.h"

namespace sekisho::bus::kafka {

struct OutboxKey {
  int64_t shard = 0;
  EventId event;
  auto operator<=>(const OutboxKey&) const = default;
};

struct OutboxRow {
  OutboxKey key;
  Topic topic = Topic::kSubmitted;
  Message message;
};

class OutboxTable {
 public:
  OutboxTable(std::string schema, int shards);
  Status Migrate(store::Database& database) const;

  int ShardOf(const MailId& mail) const;
  // Errors: kLimit when the broker would refuse its size.
  Status Append(store::Tx& tx, Topic topic, const Message& message) const;
  // The first `rows` rows of `shard` that are not in `but`; fewer when they have many octets. The last shard has with
  // it what lies in higher ones, which were there when there were more.
  Result<std::vector<OutboxRow>> Select(store::Tx& tx, int shard, size_t rows, const std::set<OutboxKey>& but) const;
  Status Delete(store::Tx& tx, const std::vector<OutboxKey>& keys) const;
  // Rows, counted up to 100,000, and the time of the oldest.
  Result<uint64_t> Count(store::Tx& tx) const;
  Result<std::optional<TimePoint>> Oldest(store::Tx& tx) const;

  const std::string& schema() const { return schema_; }
  int shards() const { return shards_; }

 private:
  int64_t LastOf(int shard) const;  // of the range of shards that the relay of `shard` publishes

  const std::string schema_;
  const int shards_;
  const store::Statement insert_, select_, delete_, count_, oldest_;
};

}  // namespace sekisho::bus::kafka
