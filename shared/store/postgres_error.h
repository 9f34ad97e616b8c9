#pragma once
// What PostgreSQL's SQLSTATEs mean here. Inside this module only.

#include <string_view>

#include "shared/base/result.h"

namespace sekisho::store {

// What has to happen to the transaction in which a call failed.
enum class PostgresFailure {
  kStatement,  // the statement is to blame: undo it, or fail
  kConflict,   // others are: run the transaction again
  kLost,       // the connection is gone, and the transaction with it
};

PostgresFailure ClassifyPostgres(std::string_view sqlstate);

// The error as store.h promises. `message` is left out where it can hold a row's values; `constraint` may be empty.
Error PostgresError(std::string_view sqlstate, std::string_view message, std::string_view constraint);

}  // namespace sekisho::store
