#include "shared/observe/traceparent.h"

#include "shared/base/bytes.h"
#include "shared/base/random.h"

namespace sekisho::observe {

std::string TraceParent::ToString() const { return "00-" + trace_id + "-" + span_id + (sampled ? "-01" : "-00"); }

TraceParent TraceParent::Child() const { return {trace_id, HexEncode(RandomOctets(8)), sampled}; }

TraceParent NewTrace() { return {HexEncode(RandomOctets(16)), HexEncode(RandomOctets(8)), true}; }

Result<TraceParent> ParseTraceParent(std::string_view text) {
  const auto bad = [] { return MakeError(Code::kInvalid, "not a traceparent"); };
  const auto lower_hex = [](std::string_view part) {
    return part.find_first_not_of("0123456789abcdef") == std::string_view::npos &&
           part.find_first_not_of('0') != std::string_view::npos;
  };
  if (text.size() < 55 || text[2] != '-' || text[35] != '-' || text[52] != '-') return bad();
  const std::string_view version = text.substr(0, 2);
  if (version == "ff" || (version == "00" && text.size() != 55)) return bad();
  TraceParent parent{std::string(text.substr(3, 32)), std::string(text.substr(36, 16)), false};
  if (!lower_hex(parent.trace_id) || !lower_hex(parent.span_id)) return bad();
  const auto flags = HexDecode(text.substr(53, 2));
  if (!flags.ok()) return bad();
  parent.sampled = ((*flags)[0] & 1) != 0;
  return parent;
}

}  // namespace sekisho::observe
