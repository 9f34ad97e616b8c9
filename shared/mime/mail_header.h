#pragma once
// Fills in a MailHeader from its section. Internal to shared/mime.

#include "shared/base/result.h"
#include "shared/mime/header_section.h"
#include "shared/mime/model.h"

namespace sekisho::mime {

// `section` has passed CheckSingletons. Errors: kMalformed when From or Sender could be read as different addresses;
// kLimit.
Status ReadMailHeader(const HeaderSection& section, const Limits& limits, MailHeader& mail);

}  // namespace sekisho::mime
