#pragma once
// Stores a message in one or more Maildir folders: written to tmp/, synced, then renamed into new/.

#include <string>
#include <string_view>
#include <vector>

#include "shared/base/result.h"

namespace sekisho::standalone {

// A folder name that stays within its parent, for any address.
std::string FolderName(std::string_view address);

// `folder` is the Maildir; made when absent. `pieces` are written one after another.
Status StoreInMaildir(const std::string& folder, const std::vector<std::string_view>& pieces);

}  // namespace sekisho::standalone
