#pragma once
// The ZIP rung of sealing: a mail's attachments in one encrypted file. Pure but for random octets.

#include <string>
#include <vector>

#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "shared/base/secret.h"
#include "shared/mime/model.h"

namespace sekisho::encryption {

// `mail` with `attachments` (of mime::Attachments, not empty) replaced by one ZIP under `password`; the body stays as
// it is. Errors: kPrecondition when an attachment is part of something signed or encrypted; kLimit.
Result<std::string> ZipAttachments(const mime::MailModel& mail, const std::vector<size_t>& attachments,
                                   const Secret<std::string>& password, TimePoint now);

// The names of the ZIP's entries, one for each of `names`: without path, controls and what Windows refuses, at most 240
// octets with the extension kept, and no two alike on a file system that ignores case. "" becomes "file".
std::vector<std::string> EntryNames(const std::vector<std::string>& names);

}  // namespace sekisho::encryption
