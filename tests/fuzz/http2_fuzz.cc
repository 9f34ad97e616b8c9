// What a client of HTTP/2 says: never crashes, and is judged the same in any cut.
#include <algorithm>
#include <cstdint>
#include <string_view>

#include "shared/rpc/http2_check.h"

namespace {

using namespace sekisho;
using namespace sekisho::rpc;

// "ok", or what is wrong with it.
std::string_view Judge(std::string_view wire, size_t step) {
  Http2Check check;
  for (; !wire.empty(); wire.remove_prefix(std::min(step, wire.size()))) {
    const Status checked = check.Check(wire.substr(0, step), {});
    if (!checked.ok()) return checked.error().code == Code::kLimit ? "flood" : "not HTTP/2";
  }
  return "ok";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* octets, size_t size) {
  if (size == 0) return 0;
  const std::string_view wire(reinterpret_cast<const char*>(octets) + 1, size - 1);
  SEKISHO_CHECK(Judge(wire, octets[0] % 32 + 1) == Judge(wire, wire.size()));
  return 0;
}
