// One command line: never crashes; an address that is taken is taken again as written, and holds nothing that ends a
// command.
#include <cstdint>
#include <string>
#include <string_view>

#include "shared/smtp/command.h"

namespace {

using namespace sekisho;
using namespace sekisho::smtp;

void CheckMailbox(const Mailbox& mailbox, bool smtputf8) {
  const std::string text = mailbox.ToString();
  SEKISHO_CHECK(text.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
  const auto again = ParseMailbox(text, smtputf8);
  SEKISHO_CHECK(again.ok() && again->ToString() == text);
  SEKISHO_CHECK(smtputf8 || !mailbox.needs_smtputf8);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* octets, size_t size) {
  if (size == 0) return 0;
  const std::string_view line(reinterpret_cast<const char*>(octets) + 1, size - 1);
  const CommandContext context{(octets[0] & 1) != 0, (octets[0] & 2) != 0};
  const ParsedCommand parsed = ParseCommand(line, context);
  if (!parsed.command) {
    SEKISHO_CHECK(parsed.error.code >= 500 && parsed.error.code < 600 && !parsed.error.lines.empty());
    return 0;
  }
  if (const auto* mail = std::get_if<MailFrom>(&*parsed.command); mail != nullptr && !mail->path.null) {
    CheckMailbox(mail->path.mailbox, mail->smtputf8);
    SEKISHO_CHECK(*DecodeXtext(EncodeXtext(mail->envid)) == mail->envid);
  }
  if (const auto* rcpt = std::get_if<RcptTo>(&*parsed.command)) {
    CheckMailbox(rcpt->path.mailbox, context.mail_smtputf8);
    SEKISHO_CHECK(!rcpt->notify_never || !(rcpt->notify_success || rcpt->notify_failure || rcpt->notify_delay));
  }
  return 0;
}
