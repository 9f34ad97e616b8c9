#pragma once
// The three Japanese mail charsets, with Microsoft's and NEC's extensions in all of them. Internal to shared/text.

#include <string>
#include <string_view>

namespace sekisho::text::japanese {

// Each appends UTF-8 to `out`, U+FFFD for what has no meaning, and says whether all had one.
bool DecodeShiftJis(std::string_view octets, std::string& out);  // CP932
bool DecodeEucJp(std::string_view octets, std::string& out);     // CP51932 with JIS X 0212

// CP50221: ISO-2022-JP (RFC 1468) with half-width kana by escape, shift or eighth bit, NEC row 13 and the IBM
// extensions, and JIS X 0212. A line end returns to ASCII where `reset_at_line_end` says so; RFC 1468 wants the escape
// before it, and readers differ when it is missing.
bool DecodeIso2022Jp(std::string_view octets, bool reset_at_line_end, std::string& out);
// Whether some line ends in another set than ASCII.
bool HasOpenLine(std::string_view octets);

// Fills the tables. Otherwise the first call does.
void WarmUp();

}  // namespace sekisho::text::japanese
