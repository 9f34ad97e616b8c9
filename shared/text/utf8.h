#pragma once
// UTF-8 (RFC 3629): validity, and steps that never cut a character. Pure, thread safe.

#include <cstddef>
#include <string>
#include <string_view>

namespace sekisho::text {

inline constexpr char32_t kReplacement = 0xFFFD;

bool IsAscii(std::string_view octets);
bool IsValidUtf8(std::string_view octets);

// The code point at `position`, which moves behind it. Ill-formed octets give kReplacement and move by one.
// Requires position < utf8.size().
char32_t NextCodePoint(std::string_view utf8, size_t& position);
// A surrogate or a value past U+10FFFF is appended as U+FFFD.
void AppendUtf8(std::string& to, char32_t code_point);

// Han, kana and the signs that go with them: what is written without spaces.
bool IsIdeographic(char32_t code_point);

// The longest prefix of at most `octets` octets that cuts no character. Not aware of combining marks.
std::string_view TruncateUtf8(std::string_view utf8, size_t octets);
// At most `characters` code points; the last is "…" when something was cut.
std::string Shorten(std::string_view utf8, size_t characters);
// Ill-formed octets become U+FFFD.
std::string SanitizeUtf8(std::string_view octets);
// C0, C1, bidi and other invisible characters become visible as "[U+202E]"; for names shown to people.
std::string ShowInvisible(std::string_view utf8);
// Whether ShowInvisible would show any.
bool HasInvisible(std::string_view utf8);

}  // namespace sekisho::text
