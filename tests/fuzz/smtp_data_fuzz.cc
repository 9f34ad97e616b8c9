// DATA ends at CRLF.CRLF and nowhere else, however the octets come; what is accepted is clean, and goes through our own
// sending unchanged.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shared/smtp/data_decoder.h"
#include "shared/smtp/dot_stuffer.h"

namespace {

using namespace sekisho;
using namespace sekisho::smtp;

struct Decoded {
  std::string content;
  size_t taken = 0;
  bool ended = false, ok = true;
};

Decoded Decode(std::string_view wire, size_t step, bool normalize) {
  DataDecoder decoder(normalize);
  Decoded decoded;
  while (decoded.taken < wire.size() && !decoded.ended) {
    const std::string part(wire.substr(decoded.taken, step));
    std::string_view input = part;
    while (!input.empty() && !decoded.ended) {
      const DataDecoder::Piece piece = decoder.Next(input);
      decoded.content += piece.content;
      decoded.ended = piece.ended;
    }
    decoded.taken += part.size() - input.size();
  }
  decoded.ok = decoder.defect().ok();
  return decoded;
}

void CheckOne(std::string_view wire, size_t step, bool normalize) {
  const Decoded whole = Decode(wire, wire.size(), normalize);
  const std::string with_start = "\r\n" + std::string(wire);
  const size_t end = with_start.find("\r\n.\r\n");
  SEKISHO_CHECK(whole.ended == (end != std::string::npos));
  SEKISHO_CHECK(!whole.ended || whole.taken == end + 3);
  const Decoded parts = Decode(wire, step, normalize);
  SEKISHO_CHECK(parts.ended == whole.ended && parts.taken == whole.taken && parts.ok == whole.ok);
  if (!whole.ended || !whole.ok) return;
  SEKISHO_CHECK(parts.content == whole.content);
  ContentChecker checker;
  SEKISHO_CHECK(checker.Check(whole.content).ok() && checker.Finish().ok());

  auto stuffer = DotStuffer::Make({std::string_view(whole.content).substr(0, step),
                                   std::string_view(whole.content).substr(std::min(step, whole.content.size()))});
  SEKISHO_CHECK(stuffer.ok());
  std::string sent;
  std::vector<std::string_view> pieces;
  while (stuffer->Next(pieces)) {
    for (const std::string_view piece : pieces) sent += piece;
  }
  const Decoded again = Decode(sent, sent.size(), false);
  SEKISHO_CHECK(again.ended && again.ok && again.taken == sent.size() && again.content == whole.content);
}

}  // namespace

// The first octet says in which steps the others come.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* octets, size_t size) {
  if (size == 0) return 0;
  const std::string_view wire(reinterpret_cast<const char*>(octets) + 1, size - 1);
  const size_t step = octets[0] % 16 + 1;
  CheckOne(wire, step, false);
  CheckOne(wire, step, true);
  return 0;
}
