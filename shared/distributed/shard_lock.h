#pragma once
// Who publishes a shard of an outbox: an advisory lock of the database that the outbox lies in.

#include <string>

#include "shared/bus/kafka.h"
#include "shared/store/postgres_locks.h"

namespace sekisho::distributed {

class PostgresShardLock final : public bus::ShardLock {
 public:
  // `conninfo` as for the database.
  explicit PostgresShardLock(Secret<std::string> conninfo) : locks_(std::move(conninfo)) {}

  bool Hold(std::string_view schema, int shard) override { return locks_.Hold(Name(schema, shard)); }
  void Release(std::string_view schema, int shard) override { locks_.Release(Name(schema, shard)); }

 private:
  static std::string Name(std::string_view schema, int shard) {
    return std::string(schema) + ".outbox:" + std::to_string(shard);
  }

  store::PostgresLocks locks_;
};

}  // namespace sekisho::distributed
