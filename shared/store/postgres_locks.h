#pragma once
// Locks of which each is had by one process of all at a time: advisory locks of a PostgreSQL session, on a connection
// of its own. They are lost with it, and with the process. Nothing waits for a lock. Between the process and the server
// there must be no pool that gives sessions to others. Thread safe.

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "shared/store/postgres.h"

namespace sekisho::store {

class PostgresConnector;
class PostgresConnection;

class PostgresLocks {
 public:
  // libpq's, as PostgresOptions has it. Connects when first used.
  explicit PostgresLocks(Secret<std::string> conninfo);
  ~PostgresLocks();

  // True while this process has the lock; takes it when it is free. Each call asks the server, some seconds at most, so
  // that a lock that was lost is not believed in longer than until the next call. `name` as in Tx::Lock.
  bool Hold(std::string_view name);
  void Release(std::string_view name);

 private:
  // Opens a connection when there is none; false when there can't be one now. With mutex_.
  bool Connected();
  void Lost();

  const PostgresOptions options_;
  const std::unique_ptr<PostgresConnector> connector_;
  std::mutex mutex_;
  std::unique_ptr<PostgresConnection> connection_;
  std::set<std::string, std::less<>> held_;
};

}  // namespace sekisho::store
