#pragma once
// Address lists of header fields (RFC 5322 §3.4, RFC 6532), read as mail programs do. Internal to shared/mime.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/mime/model.h"
#include "shared/text/charset.h"

namespace sekisho::mime {

struct AddressList {
  std::vector<Address> addresses;
  bool ambiguous = false;  // some entry could be read as different addresses
};

// Groups are flattened; empty entries vanish. An entry without an address is kept with what it shows. At most `limit`
// addresses; more are left out and make the list ambiguous.
// `raw_charset` as in DecodeText.
AddressList ReadAddresses(std::string_view raw_value, size_t limit,
                          const std::optional<text::Charset>& raw_charset = std::nullopt);

// One addr-spec, as in an envelope or in angle brackets; `valid` is false when it is none.
Address ReadAddrSpec(std::string_view utf8);

}  // namespace sekisho::mime
