#pragma once
// Whether a file needs a password to be read. For shared/mime and the sandbox's worker. What it can't tell (ODF by old
// programs, 7z with visible names) shared/archive finds when it unpacks.

#include <string_view>

#include "shared/mime/model.h"

namespace sekisho::mime {

// Whether IsEncryptedFile has to see a file of that type at all.
bool MayBeEncrypted(FileType type);
bool IsEncryptedFile(FileType type, std::string_view content);

}  // namespace sekisho::mime
