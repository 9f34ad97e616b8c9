// Any octets as a configuration, a directory or a policy document: refused with problems or read, never a crash, and
// what is refused names a place in the file.

#include <cstdint>
#include <string_view>

#include "sekisho/config/v1/config.pb.h"
#include "sekisho/policy/v1/policy.pb.h"
#include "shared/config/loader.h"
#include "shared/config/sekisho.h"

namespace {

template <typename Message>
void Read(std::string_view octets) {
  Message message;
  sekisho::config::SourceMap source;
  for (const auto& problem : sekisho::config::Load(octets, "fuzz.yaml", message, source)) {
    SEKISHO_CHECK(!problem.message.empty() && problem.place.line >= 0);
    SEKISHO_CHECK(problem.ToString().find('\n') == std::string::npos);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* octets, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(octets), size);
  Read<sekisho::config::v1::Config>(text);
  Read<sekisho::config::v1::Directory>(text);
  Read<sekisho::policy::v1::PolicyDocument>(text);
  static_cast<void>(sekisho::config::ParseHostPort(text));
  return 0;
}
