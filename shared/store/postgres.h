#pragma once
// The distributed driver: a PostgreSQL server (15 or later) through libpq. Writing connections that share one queue,
// each committing groups of functions; reading connections beside them; lost ones are opened again. Any number of
// processes.

#include <cstddef>
#include <memory>
#include <string>

#include "shared/base/clock.h"
#include "shared/base/secret.h"
#include "shared/store/store.h"

namespace sekisho::store {

// How writing transactions see one another.
enum class PostgresIsolation {
  kReadCommitted,  // what is decided from a row must be guarded by the write: UPDATE … WHERE it is still so, ON
                   // CONFLICT
  kSerializable,   // as if one after the other; those that can't be are run again, which costs more the more they share
};

struct PostgresOptions {
  Secret<std::string> conninfo{};  // libpq's, "host=… dbname=… user=… sslmode=verify-full …"
  size_t queue_limit = 20'000;     // functions waiting; over it Run answers kExhausted
  size_t max_group = 512;          // functions in one transaction
  size_t writers = 4;              // connections that commit; with one, functions run in the order they were queued
  size_t readers = 4;
  PostgresIsolation isolation = PostgresIsolation::kReadCommitted;
  Duration statement_limit = std::chrono::seconds(30);  // for one statement's answer
  Duration lock_limit = std::chrono::seconds(5);        // for another transaction's lock
  Duration outcome_limit = std::chrono::seconds(30);    // for learning whether a commit happened whose answer was lost
};

// Connects once, so that a wrong `conninfo` shows at start.
// Errors: kUnavailable when that fails; kInvalid when `conninfo` can't be read.
//
// Later, while the server is away: Run answers kUnavailable at once, on the caller's thread when it is known already;
// so does Read. Functions run again when their transaction was lost, deadlocked or could not be serialized, a few
// times. When the answer to a commit is lost, `done` gets the truth, asked over another connection; where that can't be
// had within outcome_limit, kUnavailable saying so: the effects may be there.
Result<std::unique_ptr<Database>> OpenPostgres(PostgresOptions options);

}  // namespace sekisho::store
