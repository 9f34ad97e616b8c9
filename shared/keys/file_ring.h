#pragma once
// The driver that keeps the ring in one file. It belongs outside the folder that is backed up: who has both can read
// everything.
//
// Several processes of a machine share the file. A ring sees what another process changed within a second, and an epoch
// that it does not know at once; two that need a new day's epoch at the same moment agree on one key. A file that is
// gone, unreadable or another ring's makes every key of a mail kUnavailable until it is back: nothing is sealed or
// opened under keys that may have been destroyed.

#include <memory>
#include <string>

#include "shared/keys/keys.h"

namespace sekisho::keys {

// A file of mode 0600. `create`: make it when it is absent. A new day's epoch is made when first needed; where the file
// cannot be written, `sekisho-keys add` makes epochs ahead, and a day without one is kUnavailable. `clock` outlives the
// ring; without one, the machine's.
// Errors: kPermission when others can read the file or it is a link; kNotFound when absent; kCorrupt; kUnavailable.
Result<std::unique_ptr<KeyRing>> OpenFileRing(const std::string& file, bool create, const Clock& clock);
Result<std::unique_ptr<KeyRing>> OpenFileRing(const std::string& file, bool create);

// A secret that an orchestrator mounts: never written; replaced by turning a link, so links are followed, though not
// out of its folder; and its group may read it (mode 0440), since the mount belongs to another user. Errors: as above;
// kPermission also when a link leads out of the folder.
Result<std::unique_ptr<KeyRing>> OpenMountedRing(const std::string& file, const Clock& clock);

}  // namespace sekisho::keys
