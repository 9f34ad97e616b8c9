#pragma once
// RFC 2047 words in header text, read as leniently as mail programs do, written strictly. Internal to shared/mime.

#include <optional>
#include <string>
#include <string_view>

#include "shared/text/charset.h"

namespace sekisho::mime {

// What a field's value says, UTF-8: unfolded, raw ISO-2022-JP, Shift_JIS, EUC-JP and UTF-8 read as what they are,
// encoded words decoded wherever they stand (also inside quotes, as mailers in Japan send them), neighbours joined,
// controls blanked. `raw_charset`: what raw octets are taken for where they can be that; else each value is judged by
// itself.
std::string DecodeText(std::string_view value, const std::optional<text::Charset>& raw_charset = std::nullopt);

// Decodes the encoded words of `utf8`, which has no folds and no raw charsets any more.
std::string DecodeWords(std::string_view utf8);

// Folds undone and raw charsets made UTF-8, encoded words left as they are. `had_raw` tells whether there were any
// octets outside ASCII or escapes, so that a reader who takes octets for ASCII may read something else.
std::string ToUtf8(std::string_view value, bool& had_raw,
                   const std::optional<text::Charset>& raw_charset = std::nullopt);

// `utf8` as encoded words, none longer than 75 characters, lines folded at 76; `column` is where the first begins.
std::string EncodeWords(std::string_view utf8, size_t column);

}  // namespace sekisho::mime
