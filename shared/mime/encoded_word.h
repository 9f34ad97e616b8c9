#pragma once
// RFC 2047 words in header text, read as leniently as mail programs do, written strictly. Internal to shared/mime.

#include <string>
#include <string_view>

namespace sekisho::mime {

// What a field's value says, UTF-8: unfolded, raw ISO-2022-JP, Shift_JIS, EUC-JP and UTF-8 read as what they are, encoded
// words decoded wherever they stand (also inside quotes, as mailers in Japan send them), neighbours joined, controls blanked.
std::string DecodeText(std::string_view value);

// Decodes the encoded words of `utf8`, which has no folds and no raw charsets any more.
std::string DecodeWords(std::string_view utf8);

// Folds undone and raw charsets made UTF-8, encoded words left as they are. `had_raw` tells whether there were any octets
// outside ASCII or escapes, so that a reader who takes octets for ASCII may read something else.
std::string ToUtf8(std::string_view value, bool& had_raw);

// `utf8` as encoded words, none longer than 75 characters, lines folded at 76; `column` is where the first begins.
std::string EncodeWords(std::string_view utf8, size_t column);

}  // namespace sekisho::mime
