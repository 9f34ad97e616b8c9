#pragma once
// Cuts a header section into its fields (RFC 5322 §2.2), strictly: what one reader takes for a field and another for
// the body is refused. Internal to shared/mime.

#include <string>
#include <string_view>
#include <vector>

#include "shared/base/result.h"
#include "shared/mime/model.h"

namespace sekisho::mime {

struct RawField {
  std::string_view name;
  std::string_view value;  // after the colon, folds kept, without the last CRLF
  Range range;             // with the last CRLF
};

struct HeaderSection {
  std::vector<RawField> fields;
  Range range;            // without the empty line
  size_t body_begin = 0;  // behind the empty line; the end of the entity when it has none

  const RawField* Find(std::string_view name) const;
};

// kMalformed with "place: what" as its detail.
Error Ambiguous(std::string_view place, std::string_view what);

// Every line of `raw` must end with CRLF and hold at most 998 octets, none of them CR, LF or NUL (RFC 5322 §2.3).
Status CheckLines(std::string_view raw);

// Reads the section that begins the entity raw[entity]. `raw` has passed CheckLines.
Result<HeaderSection> SplitHeader(std::string_view raw, Range entity, const Limits& limits, std::string_view place);

// Refuses a second field of a name that may be there once, unless it says the same (RFC 5322 §3.6, RFC 2045 §3).
Status CheckSingletons(const HeaderSection& section, bool is_message, std::string_view place);

// The value with its folds undone and blanks at its ends removed (RFC 5322 §2.2.3).
std::string Unfold(std::string_view value);

}  // namespace sekisho::mime
