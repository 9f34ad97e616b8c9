#pragma once
// The form in which text is compared: what a reader takes for the same word becomes the same octets. Pure, thread safe.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sekisho::text {

// Text ready for matching, with the way back to the lines people see.
struct Normalized {
  std::string text;                   // UTF-8; see Normalize
  std::vector<uint32_t> line_starts;  // offsets in `text` where line 2, 3, … of the source begin; at most 2^20 of them

  // The 1-based line of the source that holds `text[offset]`.
  size_t LineOf(size_t offset) const;  // lines end at LF
};

// Unicode NFKC with case folding (full width becomes ASCII, half-width kana full, "ß" "ss"), without zero-width, bidi
// and other invisible characters and controls, every dash a hyphen, and every run of white space one space; a line
// break between two ideographs or kana vanishes, since mailers wrap Japanese anywhere. Ill-formed UTF-8 becomes U+FFFD.
// Apply it to what is looked for as well. The result never contains a line break.
Normalized Normalize(std::string_view utf8);

// Normalize, unless the result would be larger than `limit` octets: a single character can become 33.
std::optional<Normalized> NormalizeWithin(std::string_view utf8, size_t limit);

// Normalize without the line table, for subjects, names and terms.
std::string NormalizeLine(std::string_view utf8);

// Fills the tables of this module, about 10 ms; otherwise the first call that needs them does.
void WarmUp();

// Takes the spaces between ideographs and kana out of normalised text, so that "社 外 秘" is "社外秘".
std::string DropIdeographSpaces(std::string_view normalized);

}  // namespace sekisho::text
