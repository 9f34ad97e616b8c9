#include "shared/config/mime_limits.h"

namespace sekisho::config {

mime::Limits MimeLimits(const v1::Limits& limits) {
  mime::Limits out;
  out.message_octets = limits.message_size();
  out.depth = limits.mime_depth();
  out.parts = limits.mime_parts();
  out.header_octets = limits.header_bytes();
  out.field_octets = limits.header_field_bytes();
  out.fields = limits.header_fields();
  return out;
}

}  // namespace sekisho::config
