#pragma once
// Domain names as compared and as shown (UTS #46), and names made to be taken for others (UTS #39). Pure, thread safe.

#include <cstddef>
#include <string>
#include <string_view>

#include "shared/base/result.h"

namespace sekisho::text {

// The A-label form, lower case, without a final dot: "例え.jp" → "xn--r8jz45g.jp". Underscores pass, as some mail
// domains have them. Errors: kInvalid for what isn't a domain name: empty or long labels, spaces, disallowed
// characters.
Result<std::string> DomainToAscii(std::string_view domain);
// The U-label form for people; a label that is no valid A-label stays as it is.
std::string DomainToUnicode(std::string_view domain);

// What a name looks like: two names with the same skeleton can be taken for each other (UTS #39 §4).
std::string Skeleton(std::string_view utf8);

// Steps of insertion, removal, replacement or swap of neighbours between two texts, in code points; limit + 1 when
// there are more than `limit`. Cost: the product of the lengths, which are cut at 253.
size_t EditDistance(std::string_view a, std::string_view b, size_t limit);

// Whether `domain` isn't `known` but may be taken for it: the same skeleton, or one slip of the finger away (two where
// the name has 12 characters or more). Both as DomainToAscii gives them.
bool IsLookAlike(std::string_view domain, std::string_view known);

}  // namespace sekisho::text
