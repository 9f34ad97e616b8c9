#pragma once
// Base64 and quoted-printable (RFC 2045 §6.7, §6.8), decoded strictly and in pieces, so that a large part is never in
// memory twice. Internal to shared/mime.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "shared/base/result.h"
#include "shared/mime/model.h"

namespace sekisho::mime {

// Undoes `encoding` and gives the octets to `sink` in pieces of at most 64 KiB. Octets that decoders treat differently
// are kMalformed with what is wrong and no place: characters outside the alphabet, data behind padding, missing
// padding, "=" that encodes nothing. Stops at the sink's first error.
Status DecodeTransfer(TransferEncoding encoding, std::string_view body, const Sink& sink);

// Lines of 76 characters, the last one ended too.
std::string EncodeBase64Lines(std::string_view octets);
void AppendBase64Lines(std::string_view octets, std::string& out);  // saves a copy of what may be large
// Of text with CRLF lines; lines of at most 76 characters; "From " and a single dot at a line's start are encoded.
std::string EncodeQuotedPrintable(std::string_view text);
// The shorter of the two for `content`; text keeps readable.
TransferEncoding ChooseEncoding(std::string_view content, bool is_text);
// Of a hexadecimal digit, either case; -1 of anything else.
int HexValue(char c);
// The field's value: "base64", …
std::string_view TransferEncodingName(TransferEncoding encoding);

}  // namespace sekisho::mime
