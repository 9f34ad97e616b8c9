#pragma once
// Cuts a multipart's body at its boundary (RFC 2046 §5.1.1), strictly. Internal to shared/mime.

#include <string_view>
#include <vector>

#include "shared/base/result.h"
#include "shared/mime/model.h"

namespace sekisho::mime {

struct Pieces {
  std::vector<Range> parts;  // header and body of each, without the CRLF before the next boundary
  Range preamble, epilogue;  // what mail programs don't show; some show it when they can't read MIME
};

// Errors: kMalformed for a line that begins with the boundary and is neither it nor its close, a missing close,
// boundaries behind the close, a part without a line; kLimit past `limits.parts`.
Result<Pieces> CutMultipart(std::string_view raw, Range body, std::string_view boundary, const Limits& limits,
                            std::string_view place);

}  // namespace sekisho::mime
