#pragma once
// One command line of a client, strictly (RFC 5321 §4.1, RFC 1870, 3030, 3461, 4954, 6152, 6531, 8689). Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "shared/smtp/address.h"
#include "shared/smtp/reply.h"

namespace sekisho::smtp {

struct Ehlo {
  std::string name;
  bool extended = true;
};  // extended: EHLO, not HELO
struct MailFrom {
  Path path;
  std::optional<uint64_t> size;
  bool body_8bit = false;
  bool smtputf8 = false;
  bool require_tls = false;
  enum class Ret { kNone, kFull, kHeaders } ret = Ret::kNone;
  std::string envid;  // decoded xtext
};
struct RcptTo {
  Path path;
  bool notify_never = false, notify_success = false, notify_failure = false, notify_delay = false;
  std::string orcpt;  // "rfc822;user@example.jp", decoded
};
struct Bdat {
  uint64_t size = 0;
  bool last = false;
};
struct Auth {
  std::string mechanism;
  std::optional<std::string> initial;
};  // initial: base64 as given, "=" for empty
struct Data {};
struct Rset {};
struct Noop {};
struct Quit {};
struct Help {};
struct StartTls {};
struct Vrfy {};  // VRFY and EXPN

using Command = std::variant<Ehlo, MailFrom, RcptTo, Data, Bdat, Rset, Noop, Quit, Help, Vrfy, StartTls, Auth>;

// `line` without its CRLF. What may be said depends on what was announced:
struct CommandContext {
  bool extended = true;        // after EHLO: parameters are allowed
  bool mail_smtputf8 = false;  // the transaction under way has SMTPUTF8: RCPT may have octets over 127
};

struct ParsedCommand {
  std::optional<Command> command;
  Reply error;  // when there is none
};
ParsedCommand ParseCommand(std::string_view line, const CommandContext& context);

// RFC 3461 §4. Errors: kInvalid.
Result<std::string> DecodeXtext(std::string_view text);
std::string EncodeXtext(std::string_view text);

}  // namespace sekisho::smtp
