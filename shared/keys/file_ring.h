#pragma once
// The standalone driver: one JSON file of mode 0600, replaced whole and synced at every change. It belongs outside the
// folder that is backed up: who has both can read everything.

#include <memory>
#include <string>

#include "shared/keys/keys.h"

namespace sekisho::keys {

// `create`: make the file when it is absent. Errors: kPermission when others can read the file or it is a link;
// kNotFound when absent; kCorrupt; kUnavailable.
Result<std::unique_ptr<KeyRing>> OpenFileRing(const std::string& file, bool create);

}  // namespace sekisho::keys
