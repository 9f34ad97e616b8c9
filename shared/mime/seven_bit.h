#pragma once
// One entity made 7-bit: the parts that need it are encoded anew, the rest keeps its octets. Internal to shared/mime.

#include <string>
#include <string_view>
#include <vector>

#include "shared/base/result.h"
#include "shared/mime/model.h"

namespace sekisho::mime {

// The indexes of a part's children, in order.
std::vector<size_t> ChildrenOf(const MailModel& mail, size_t index);
// A part as it stands in the message, header, empty line and body.
std::string_view EntityOctets(const MailModel& mail, size_t index);
// The body of multipart `index` around other entities than its own; what stands before and after the parts stays.
std::string RejoinMultipart(const MailModel& mail, size_t index, const std::vector<std::string>& entities);

// A header field in ASCII: raw charsets in text, names and parameters become RFC 2047 and RFC 2231.
// Errors: kPrecondition for an internationalised address.
Result<std::string> ToAsciiField(std::string_view name, std::string_view value);

// The fields and the body of part `index`. `content_only`: of the fields only Content-*, as for the root of a message
// that is sealed. Errors: kPrecondition for what can't be made 7-bit. `before` is put in front of it, which saves a
// copy of what may be large.
Result<std::string> ToSevenBitEntity(const MailModel& mail, size_t index, bool content_only, std::string before = {});

}  // namespace sekisho::mime
