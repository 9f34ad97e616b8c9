#pragma once
// Rows of a PostgreSQL result in binary format. Inside this module only.

#include <libpq-fe.h>

#include "shared/base/result.h"
#include "shared/store/store.h"

namespace sekisho::store {

class PostgresRow final : public Row {
 public:
  explicit PostgresRow(const PGresult* result) : result_(result) {}

  // Errors: kInternal when a column is of a type that the common SQL does not have, or a number is no 64-bit integer.
  Status MoveTo(int row);

  bool IsNull(int column) const override;
  int64_t Int(int column) const override;  // also of smallint, integer, boolean, and of numeric, which sum() gives
  std::string_view Text(int column) const override { return Octets(column); }
  std::string_view Blob(int column) const override { return Octets(column); }

 private:
  std::string_view Octets(int column) const;

  const PGresult* result_;
  int row_ = 0;
};

}  // namespace sekisho::store
