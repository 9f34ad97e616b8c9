#pragma once
// What an entity's MIME fields say of it (RFC 2045, 2183), read strictly. Internal to shared/mime.

#include <string>
#include <string_view>
#include <vector>

#include "shared/base/result.h"
#include "shared/mime/header_section.h"
#include "shared/mime/model.h"

namespace sekisho::mime {

struct ContentFields {
  bool has_type = false;
  std::string type = "text", subtype = "plain";
  std::vector<Parameter> parameters;
  std::string charset;
  std::string boundary;  // of a multipart
  TransferEncoding encoding = TransferEncoding::k7Bit;
  Disposition disposition = Disposition::kNone;
  std::string content_id;
  std::vector<std::string>
      names;  // every reading, the best first: those of Content-Disposition before those of Content-Type
};

// Errors: kMalformed as ReadParameters says, and for an unknown or encoded-multipart transfer encoding, a multipart
// without a usable boundary, message/partial and message/external-body; kLimit for a boundary that is too long.
Result<ContentFields> ReadContentFields(const HeaderSection& section, bool in_digest, const Limits& limits,
                                        std::string_view place);

// MIME-Version is absent or "1.0", comments allowed as Apple Mail writes them (RFC 2045 §4); says whether it is there.
// Without it, a structure that not all readers would see is refused.
Result<bool> CheckMimeVersion(const HeaderSection& section, const ContentFields& fields, std::string_view place);

}  // namespace sekisho::mime
