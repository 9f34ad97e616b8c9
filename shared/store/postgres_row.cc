#include "shared/store/postgres_row.h"

#include <optional>

namespace sekisho::store {
namespace {

// Of pg_type.dat; they never change.
constexpr Oid kBool = 16, kBytea = 17, kInt8 = 20, kInt2 = 21, kInt4 = 23, kText = 25, kUnknown = 705, kVarchar = 1043,
              kNumeric = 1700;

bool IsInteger(Oid type) { return type == kBool || type == kInt2 || type == kInt4 || type == kInt8; }
bool IsOctets(Oid type) { return type == kBytea || type == kText || type == kVarchar || type == kUnknown; }

uint64_t BigEndian(std::string_view octets) {
  uint64_t value = 0;
  for (const char c : octets) value = value << 8 | static_cast<uint8_t>(c);
  return value;
}

int64_t Integer(std::string_view octets) {
  switch (octets.size()) {
    case 1:
      return octets[0];
    case 2:
      return static_cast<int16_t>(BigEndian(octets));
    case 4:
      return static_cast<int32_t>(BigEndian(octets));
    default:
      return static_cast<int64_t>(BigEndian(octets));
  }
}

// numeric_send(): how many digits, the weight of the first (powers of 10,000), sign, scale, the digits (base 10,000);
// each of two octets.
std::optional<int64_t> WholeNumeric(std::string_view octets) {
  constexpr int64_t kBase = 10'000, kNegative = 0x4000;
  const auto at = [&](size_t index) { return Integer(octets.substr(2 * index, 2)); };
  const int64_t digits = at(0), weight = at(1), sign = at(2);
  if (digits == 0 && sign == 0) return 0;
  if ((sign != 0 && sign != kNegative) || digits > weight + 1) return std::nullopt;  // not a number, or a fraction
  int64_t value = 0;  // negative all along: there is one more negative number than positive ones
  for (int64_t i = 0; i <= weight; ++i) {
    const int64_t digit = i < digits ? at(static_cast<size_t>(4 + i)) : 0;
    if (__builtin_mul_overflow(value, kBase, &value) || __builtin_sub_overflow(value, digit, &value))
      return std::nullopt;
  }
  if (sign == 0 && __builtin_sub_overflow(int64_t{0}, value, &value)) return std::nullopt;
  return value;
}

}  // namespace

Status PostgresRow::MoveTo(int row) {
  row_ = row;
  const int columns = PQnfields(result_);
  for (int column = 0; column < columns; ++column) {
    const Oid type = PQftype(result_, column);
    if (IsInteger(type) || IsOctets(type) || PQgetisnull(result_, row, column) != 0) continue;
    if (type == kNumeric && WholeNumeric(Octets(column)).has_value()) continue;
    return MakeError(Code::kInternal, "column " + std::to_string(column) + " has type " + std::to_string(type) +
                                          " or a value that no driver gives");
  }
  return Ok();
}

bool PostgresRow::IsNull(int column) const { return PQgetisnull(result_, row_, column) != 0; }

int64_t PostgresRow::Int(int column) const {
  if (IsNull(column)) return 0;
  const Oid type = PQftype(result_, column);
  if (type == kNumeric) return *WholeNumeric(Octets(column));
  SEKISHO_CHECK(IsInteger(type));
  return Integer(Octets(column));
}

std::string_view PostgresRow::Octets(int column) const {
  return {PQgetvalue(result_, row_, column), static_cast<size_t>(PQgetlength(result_, row_, column))};
}

}  // namespace sekisho::store
