// What a peer says and what a mail's header holds reach notices, journals and trace fields: whatever it is, it stays
// one printable line there, and a mail's header is counted without end or error.

#include <cstdint>
#include <string_view>

#include "services/delivery/domain/disposition.h"
#include "services/delivery/domain/dsn_reason.h"
#include "services/delivery/domain/trace_header.h"
#include "shared/text/utf8.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* octets, size_t size) {
  using namespace sekisho;
  using namespace sekisho::delivery;
  const std::string_view input(reinterpret_cast<const char*>(octets), size);

  const std::string printable = Printable(input, 100);
  SEKISHO_CHECK(printable.size() <= 100 && text::IsValidUtf8(printable) && !text::HasInvisible(printable));

  const Disposition disposition =
      OfReply(Step::kRecipient, {550, std::string(input.substr(0, 12)), std::string(input)}, false);
  SEKISHO_CHECK(disposition.status.starts_with("5.") && disposition.status.size() <= 9);
  SEKISHO_CHECK(!WordingOf(disposition.status).why_ja.empty());

  const Hops hops = CountHops(input, "example");
  SEKISHO_CHECK(hops.received + hops.stamps <= size);

  mail::v1::Submitter submitter;
  submitter.set_helo(std::string(input));
  submitter.set_peer(std::string(input));
  submitter.set_protocol(std::string(input));
  submitter.set_tls(std::string(input));
  const std::string fields = TraceFields({.hostname = "gate.example.jp",
                                          .stamp = "example",
                                          .mail_id = "0193f3c8",
                                          .submitter = &submitter,
                                          .accepted_at = {},
                                          .only_recipient = input});
  SEKISHO_CHECK(text::IsAscii(fields) && CountHops(fields + "\r\n", "example").received == 1);
  return 0;
}
