#pragma once
// Reads the content of a leaf: proves that it can be decoded, sizes it, tells what it is, and makes its text. Internal
// to shared/mime.

#include <set>
#include <string>
#include <string_view>

#include "shared/base/result.h"
#include "shared/mime/model.h"

namespace sekisho::mime {

// What the leaves of one mail share while it is parsed.
struct LeafContext {
  const Limits& limits;
  bool to_scan = true;                 // false: neither text nor what files hold is asked
  size_t text_octets = 0;              // read so far, of all parts
  std::set<std::string> shown_images;  // Content-IDs that an HTML part refers to
};

// What CMS wraps (RFC 5652), by its first octets: signed content, in the clear; a signature over content that lies
// elsewhere; anything that hides its content. What can't be told holds content.
enum class CmsKind { kNone, kSigned, kDetached, kHiding };
CmsKind FindCmsKind(std::string_view head);

// What an armoured text is (RFC 9580 §6.2, §7).
PgpKind FindPgpArmour(std::string_view text);

struct LeafFindings {
  CmsKind cms = CmsKind::kNone;
  PgpKind pgp = PgpKind::kNone;
  bool binary = false;  // declared as text, but NUL octets say that it is none
};

// Fills in decoded_size, real_type, encrypted, embeds_files, has_script, charset_mismatch and text of `part`, whose
// MIME fields and ranges are set. `also_as_source`: the HTML may be shown as its source. Errors: kMalformed, kLimit.
Result<LeafFindings> ReadLeaf(std::string_view raw, bool also_as_source, std::string_view place, LeafContext& context,
                              Part& part);

// Appends a reading to a part's text, normalised. Errors: kLimit.
Status AddText(std::string_view utf8, std::string_view place, LeafContext& context, Part& part);

}  // namespace sekisho::mime
