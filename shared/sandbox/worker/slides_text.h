#pragma once
// The text in a PowerPoint file of the years up to 2003 ([MS-PPT]).

#include <optional>
#include <string>
#include <string_view>

namespace sekisho::sandbox {

// All text of the "PowerPoint Document" stream, a line for each piece. nullopt when its records can't be followed.
std::optional<std::string> SlidesText(std::string_view stream);

}  // namespace sekisho::sandbox
