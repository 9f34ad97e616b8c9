#pragma once
// From the octets of a policy file to a policy that can judge, or to every problem of it with line, column and remedy.
// Pure.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "services/policy/domain/compiled_policy.h"
#include "shared/config/loader.h"

namespace sekisho::policy {

struct LoadedDocument {
  std::string version;  // the first 12 hex digits of the SHA-256 of the octets
  std::string name;
  std::vector<config::Problem> problems;
  std::shared_ptr<const CompiledPolicy> policy;  // null when there are problems
};

// `file` is only named in problems.
LoadedDocument LoadDocument(std::string_view yaml, const std::string& file,
                            const std::vector<std::string>& own_domains);

}  // namespace sekisho::policy
