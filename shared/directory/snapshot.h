#pragma once
// Builds a Snapshot from the directory file's message, or says everything that is wrong with it.

#include <memory>
#include <string>
#include <vector>

#include "sekisho/config/v1/config.pb.h"
#include "shared/config/loader.h"
#include "shared/directory/directory.h"

namespace sekisho::directory {

// Lower case, the domain as A-label; as given where it is no address.
std::string Canonical(std::string_view address);

struct Built {
  std::shared_ptr<const Snapshot> snapshot;
  std::map<std::string, std::string, std::less<>> password_hashes;  // by login
};

// Problems: unknown managers or members, loops of managers, a login or address given twice, unknown roles, hashes of
// another kind.
Built BuildSnapshot(const config::v1::Directory& directory, const std::string& file, const config::SourceMap& source,
                    std::vector<config::Problem>& problems);

}  // namespace sekisho::directory
