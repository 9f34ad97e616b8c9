#pragma once
// A pool of reading connections, opened when first needed; each call of Read borrows one. Thread safe. Inside this
// module only.

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "shared/store/postgres_connector.h"

namespace sekisho::store {

class PostgresReaders {
 public:
  PostgresReaders(PostgresConnector& connector, size_t count) : connector_(connector), free_(count) {}

  Status Read(FunctionRef<Status(Tx&)> fn);
  // Waits until each connection is back, then closes them. From then on Read answers kUnavailable.
  void Close();

 private:
  using Connection = std::unique_ptr<PostgresConnection>;

  Result<Connection> Begin(Connection connection);

  PostgresConnector& connector_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Connection> free_;  // null: may be opened
  size_t borrowed_ = 0;
  bool closed_ = false;
};

}  // namespace sekisho::store
