#pragma once
// Named character references of HTML. Internal to shared/text.

#include <cstdint>
#include <string_view>

namespace sekisho::text {

// By a name without "&" and ";"; 0 when unknown.
char32_t FindEntity(std::string_view name);

}  // namespace sekisho::text
