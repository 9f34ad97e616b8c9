#pragma once
// Structured logs: one JSON object a line on standard error or a file. Thread safe.
//
//   observe::Log(Level::kWarn, "delivery.deferred", {{"mail", id.ToString()}, {"code", 451}});
//
// Fields hold ids, codes, counts, names of configured things. Never content, addresses, passwords: a Secret converts to
// no field.

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

#include "shared/base/result.h"

namespace sekisho::observe {

enum class Level { kDebug, kInfo, kWarn, kError };

struct Field {
  Field(std::string_view field_name, std::string_view text) : name(field_name), value(std::string(text)) {}
  Field(std::string_view field_name, const char* text) : name(field_name), value(std::string(text)) {}
  Field(std::string_view field_name, const std::string& text) : name(field_name), value(text) {}
  Field(std::string_view field_name, std::integral auto number)
      : name(field_name), value(static_cast<int64_t>(number)) {}
  Field(std::string_view field_name, bool yes) : name(field_name), value(yes) {}
  Field(std::string_view field_name, const Error& error) : name(field_name), value(error.ToString()) {}

  std::string name;
  std::variant<std::string, int64_t, bool> value;
};

// `level` is "debug", "info", "warn" or "error"; an empty `file` is standard error. Until it is called, info goes to
// standard error.
Status OpenLog(std::string_view level, const std::string& file);

// `event` is a stable dotted name. Text is cut to 2,000 characters; control characters are escaped.
void Log(Level level, std::string_view event, std::initializer_list<Field> fields = {});

}  // namespace sekisho::observe
