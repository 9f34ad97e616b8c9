// A peer's replies: never crashes, is bounded, reads the same in any cut; what was read and is said again reads the
// same.
#include <cstdint>
#include <string>
#include <string_view>

#include "shared/smtp/client_commands.h"
#include "shared/smtp/reply.h"

namespace {

using namespace sekisho;
using namespace sekisho::smtp;

// All replies, formatted anew; "!" at what is none.
std::string ReadAll(std::string_view wire, size_t step) {
  ReplyParser parser;
  std::string read;
  while (!wire.empty()) {
    std::string_view input = wire.substr(0, step);
    wire.remove_prefix(input.size());
    while (!input.empty()) {
      const auto state = parser.Feed(input);
      if (!state.ok()) return read + "!";
      if (*state == ReplyParser::State::kMore) continue;
      SEKISHO_CHECK(parser.reply().lines.size() <= 100 && parser.reply().code >= 200 && parser.reply().code < 600);
      for (const auto& [keyword, value] : ParseExtensions(parser.reply()))
        SEKISHO_CHECK(keyword.find(' ') == std::string::npos);
      AppendReply(parser.reply(), read);
    }
  }
  return read;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* octets, size_t size) {
  if (size == 0) return 0;
  const std::string_view wire(reinterpret_cast<const char*>(octets) + 1, size - 1);
  const std::string read = ReadAll(wire, wire.size());
  SEKISHO_CHECK(ReadAll(wire, octets[0] % 16 + 1) == read);
  return 0;
}
