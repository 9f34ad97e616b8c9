#pragma once
// The version that every binary prints.

#include <string_view>

namespace sekisho {

inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace sekisho
