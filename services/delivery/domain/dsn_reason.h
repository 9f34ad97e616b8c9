#pragma once
// What an enhanced status code (RFC 3463) means to a person, and what they can do, in two languages. Pure.

#include <string_view>

namespace sekisho::delivery {

struct Wording {
  std::string_view why_ja, why_en;
  std::string_view remedy_ja, remedy_en;
};

// For a refused recipient; never empty.
Wording WordingOf(std::string_view status);

}  // namespace sekisho::delivery
