#pragma once
// Opens connections, and leaves a server alone for a while that would not have one. Thread safe. Inside this module
// only.

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>

#include "shared/store/postgres_connection.h"

namespace sekisho::store {

class PostgresConnector {
 public:
  explicit PostgresConnector(const PostgresOptions& options) : options_(options) {}

  // A new connection. While the server is left alone, the last error at once.
  Result<std::unique_ptr<PostgresConnection>> Open();
  // Until when the server is left alone; zero when it isn't. Grows with each failure, from 20 ms to some seconds.
  Duration Pause() const;

 private:
  const PostgresOptions& options_;
  mutable std::mutex mutex_;
  int failures_ = 0;  // since the last success
  std::chrono::steady_clock::time_point next_{};
  std::optional<Error> last_error_;
};

}  // namespace sekisho::store
