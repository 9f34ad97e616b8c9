// Any octets: the session never crashes, says whole lines only, gives its owner clean content only, accepts no more
// mails than true ends came, and does the same however the octets are cut.
#include <cstdint>
#include <string>
#include <string_view>

#include "shared/base/bytes.h"
#include "tests/unit/shared/smtp/conversation.h"

namespace {

using namespace sekisho;
using namespace sekisho::smtp;
using smtp::testing::Conversation;

size_t Count(std::string_view text, std::string_view what) {
  size_t count = 0;
  for (size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

std::string Codes(std::string_view said) {
  std::string codes;
  for (size_t at = 0; at < said.size(); at = said.find('\n', at) + 1) codes += said.substr(at, 4);
  return codes;
}

ServerSession::Options OptionsOf(uint8_t bits) {
  ServerSession::Options options = Conversation::Default();
  options.normalize_bare_lf = (bits & 1) != 0;
  options.auth_required = (bits & 2) != 0;
  options.max_size = (bits & 4) != 0 ? 100 : 1 << 20;
  options.max_recipients = 3;
  return options;
}

}  // namespace

// The first octet chooses the options, the second the cuts.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* octets, size_t size) {
  if (size < 2) return 0;
  const std::string_view wire(reinterpret_cast<const char*>(octets) + 2, size - 2);
  const bool tls = (octets[0] & 8) != 0;
  Conversation whole(OptionsOf(octets[0]), tls);
  const std::string said = whole.TakeOutput() + whole.Say(wire);
  SEKISHO_CHECK(said.ends_with("\r\n"));
  SEKISHO_CHECK(Count(said, "\n") == Count(said, "\r\n") && Count(said, "\r") == Count(said, "\r\n"));
  for (const char c : said) SEKISHO_CHECK(c == '\r' || c == '\n' || (c >= 0x20 && c < 0x7f));

  const size_t ends = Count(wire, "\n.\r\n");  // smtp_data_fuzz.cc looks closer
  size_t lasts = 0;
  for (size_t i = 0; i + 4 <= wire.size(); ++i) lasts += AsciiEqualsIgnoreCase(wire.substr(i, 4), "LAST") ? 1 : 0;
  SEKISHO_CHECK(whole.mails.size() <= ends + lasts);
  for (const Conversation::Mail& mail : whole.mails) {
    ContentChecker checker;
    SEKISHO_CHECK(checker.Check(mail.content).ok() && checker.Finish().ok());
    SEKISHO_CHECK(!mail.recipients.empty() && mail.recipients.size() <= 3);
    SEKISHO_CHECK(mail.content.size() <= OptionsOf(octets[0]).max_size);
    SEKISHO_CHECK((octets[0] & 2) == 0 || !mail.login.empty());
  }
  SEKISHO_CHECK(tls || whole.session().tls() || whole.logins.empty());

  // What follows STARTTLS in the same piece closes the connection, so cuts matter there.
  if (said.find("220 2.0.0") != std::string::npos || said.find("STARTTLS, in the clear") != std::string::npos) return 0;
  Conversation cut(OptionsOf(octets[0]), tls);
  const std::string said_cut = cut.TakeOutput() + cut.Say(wire, octets[1] % 16 + 1);
  if (said_cut.find("220 2.0.0") != std::string::npos) return 0;
  // Of a mail that is too large and wrong as well, either may be found first, and when one will not listen.
  if ((said + said_cut).find("552 ") != std::string::npos) return 0;
  SEKISHO_CHECK(Codes(said_cut) == Codes(said));
  SEKISHO_CHECK(cut.mails.size() == whole.mails.size());
  for (size_t i = 0; i < cut.mails.size(); ++i) SEKISHO_CHECK(cut.mails[i].content == whole.mails[i].content);
  return 0;
}
