#pragma once
// Large content as files of one folder, each synced before its writer says so.

#include <memory>
#include <string>

#include "shared/content/objects.h"

namespace sekisho::content {

// Makes the folder with mode 0700. FreeOctets() counts from `min_free` octets of its disk.
Result<std::unique_ptr<Objects>> OpenFolder(const std::string& folder, uint64_t min_free);

}  // namespace sekisho::content
