#include "shared/store/postgres_error.h"

#include <string>

namespace sekisho::store {
namespace {

// A whole SQLSTATE, or its class of two characters. The first that fits counts.
struct Meaning {
  std::string_view prefix;
  Code code;
  PostgresFailure failure;
};
constexpr Meaning kMeanings[] = {
    {"08P01", Code::kInternal, PostgresFailure::kStatement},  // protocol violation: a wrong number of parameters
    {"08", Code::kUnavailable, PostgresFailure::kLost},        {"23505", Code::kExists, PostgresFailure::kStatement},
    {"25P03", Code::kUnavailable, PostgresFailure::kLost},      // idle in transaction too long
    {"40", Code::kUnavailable, PostgresFailure::kConflict},     // deadlock, serialization failure
    {"53300", Code::kUnavailable, PostgresFailure::kLost},      // too many connections
    {"53", Code::kExhausted, PostgresFailure::kStatement},      // disk full, out of memory
    {"55P03", Code::kUnavailable, PostgresFailure::kConflict},  // lock_timeout
    {"57014", Code::kTimeout, PostgresFailure::kStatement},     // statement_timeout
    {"57P", Code::kUnavailable, PostgresFailure::kLost},        // shutting down, crashed, starting, terminated
    {"58", Code::kUnavailable, PostgresFailure::kStatement},    // I/O error of the server
    {"XX001", Code::kCorrupt, PostgresFailure::kStatement},    {"XX002", Code::kCorrupt, PostgresFailure::kStatement},
};
constexpr Meaning kDefect = {"", Code::kInternal, PostgresFailure::kStatement};

const Meaning& MeaningOf(std::string_view sqlstate) {
  for (const Meaning& meaning : kMeanings) {
    if (sqlstate.starts_with(meaning.prefix)) return meaning;
  }
  return kDefect;
}

// Data exceptions and broken constraints quote the values.
bool MayQuoteValues(std::string_view sqlstate) { return sqlstate.starts_with("22") || sqlstate.starts_with("23"); }

}  // namespace

PostgresFailure ClassifyPostgres(std::string_view sqlstate) { return MeaningOf(sqlstate).failure; }

Error PostgresError(std::string_view sqlstate, std::string_view message, std::string_view constraint) {
  std::string detail = "PostgreSQL " + std::string(sqlstate);
  if (!constraint.empty()) detail.append(" at ").append(constraint);
  if (!MayQuoteValues(sqlstate)) detail.append(": ").append(message);
  return MakeError(MeaningOf(sqlstate).code, std::move(detail));
}

}  // namespace sekisho::store
