#pragma once
// sekisho.yaml: its defaults, and the checks that need more than a type.

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "sekisho/config/v1/config.pb.h"
#include "shared/config/loader.h"

namespace sekisho::config {

inline constexpr std::array<std::string_view, 6> kServices = {"intake",     "policy",   "approval",
                                                              "encryption", "delivery", "ledger"};

// Loads, fills the defaults in, checks. Gives every problem found. `service`: of kServices, for a process that is this
// one only; empty for all in one process.
std::vector<Problem> LoadConfig(const std::string& file, v1::Config& config, std::string_view service = {});

// The values of keys that were not given: the one place where defaults stand (proto/sekisho/config/v1 describes them).
void ApplyDefaults(v1::Config& config);

// What a type cannot say: required keys, addresses, files that must exist, TLS where passwords come, demo logins on
// loopback only. Of a single service: what it needs itself; the files of others may be elsewhere.
std::vector<Problem> Check(const v1::Config& config, const std::string& file, const SourceMap& source,
                           std::string_view service = {});

// The entry of `services` for this process: the one with `instance`, or the one without any. Errors: kInvalid.
Result<v1::Service> FindService(const v1::Config& config, std::string_view name, std::string_view instance);

struct HostPort {
  std::string host;  // without brackets
  uint16_t port = 0;
};
// "127.0.0.1:25", "[::1]:25", "mx.example:25". Errors: kInvalid.
Result<HostPort> ParseHostPort(std::string_view text);
bool IsLoopback(std::string_view host);

}  // namespace sekisho::config
