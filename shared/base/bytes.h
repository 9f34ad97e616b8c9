#pragma once
// Octets are std::string and std::string_view throughout; these are the encodings that people and protocols need of
// them.

#include <string>
#include <string_view>

#include "shared/base/result.h"

namespace sekisho {

std::string HexEncode(std::string_view octets);           // lower case
Result<std::string> HexDecode(std::string_view text);     // either case, even length
std::string Base64Encode(std::string_view octets);        // RFC 4648 §4, padded, one line
Result<std::string> Base64Decode(std::string_view text);  // strict: no space, canonical padding
std::string Base64UrlEncode(std::string_view octets);     // RFC 4648 §5, unpadded
Result<std::string> Base64UrlDecode(std::string_view text);

// ASCII only; bytes over 127 stay as they are (never the C locale).
std::string AsciiLower(std::string_view text);
bool AsciiEqualsIgnoreCase(std::string_view a, std::string_view b);
std::string_view AsciiTrim(std::string_view text);  // SP, HTAB, CR, LF at both ends

// Takes as long whatever the contents are; only the sizes may show.
bool ConstantTimeEquals(std::string_view a, std::string_view b);

}  // namespace sekisho
