#pragma once
// The pieces that new and rewritten mails are made of. Internal to shared/mime.

#include <string>
#include <string_view>
#include <vector>

#include "shared/base/result.h"
#include "shared/mime/model.h"

namespace sekisho::mime {

// "Name: value; parameter=value; …\r\n" with one parameter a line. `file_name` goes out under `name_parameter` ("name"
// or "filename"): as it is when that is plain ASCII, else "filename" by RFC 2231 and "name" as RFC 2047 words, which
// old clients understand there. Errors: kInvalid for values that would break the field.
Result<std::string> FormatParameterized(std::string_view field, std::string_view value,
                                        const std::vector<Parameter>& parameters, std::string_view name_parameter,
                                        std::string_view file_name);

// A multipart entity, header and body, around finished entities. `seed` makes the boundary; it is changed until no
// entity has a line that begins with it.
std::string ComposeMultipart(std::string_view subtype, std::vector<Parameter> parameters,
                             const std::vector<std::string>& entities, std::string_view seed);

// A text entity in UTF-8, encoded as its content wants. Errors: kInvalid when it isn't UTF-8 or holds NUL.
Result<std::string> ComposeText(std::string_view subtype, std::string_view text);

// Address fields with one mailbox a line: "To: a,\r\n b\r\n".
std::string JoinMailboxes(std::string_view field, const std::vector<std::string>& mailboxes);

bool IsToken(std::string_view text);         // RFC 2045 §5.1
bool IsContentField(std::string_view name);  // "Content-…"

}  // namespace sekisho::mime
