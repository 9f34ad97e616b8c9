#pragma once
// sekisho.yaml: its defaults, and the checks that need more than a type.

#include <string>
#include <vector>

#include "sekisho/config/v1/config.pb.h"
#include "shared/config/loader.h"

namespace sekisho::config {

// Loads, fills the defaults in, checks. Gives every problem found.
std::vector<Problem> LoadConfig(const std::string& file, v1::Config& config);

// The values of keys that were not given: the one place where defaults stand (proto/sekisho/config/v1 describes them).
void ApplyDefaults(v1::Config& config);

// What a type cannot say: required keys, addresses, files that must exist, TLS where passwords come, demo logins on
// loopback only.
std::vector<Problem> Check(const v1::Config& config, const std::string& file, const SourceMap& source);

struct HostPort {
  std::string host;  // without brackets
  uint16_t port = 0;
};
// "127.0.0.1:25", "[::1]:25", "mx.example:25". Errors: kInvalid.
Result<HostPort> ParseHostPort(std::string_view text);
bool IsLoopback(std::string_view host);

}  // namespace sekisho::config
