#include "shared/smtp/command.h"

#include <charconv>

#include "shared/base/bytes.h"

namespace sekisho::smtp {
namespace {

ParsedCommand Refuse(int code, const char* enhanced, std::string text) {
  return {std::nullopt, Reply(code, enhanced, std::move(text))};
}
ParsedCommand Syntax(std::string text) { return Refuse(501, "5.5.4", std::move(text)); }

struct Parameter {
  std::string keyword;  // upper case
  std::string value;
  bool has_value = false;
};

// SP keyword[=value] … (RFC 5321 §4.1.2)
std::optional<std::vector<Parameter>> SplitParameters(std::string_view text) {
  std::vector<Parameter> parameters;
  while (!text.empty()) {
    if (text.front() != ' ') return std::nullopt;
    text.remove_prefix(1);
    if (text.empty()) break;  // a space at the end is harmless
    const size_t end = std::min(text.find(' '), text.size());
    std::string_view word = text.substr(0, end);
    text.remove_prefix(end);
    const size_t equals = word.find('=');
    Parameter parameter;
    for (const char c : word.substr(0, equals))
      parameter.keyword += c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    if (equals != std::string_view::npos) {
      parameter.has_value = true;
      parameter.value = word.substr(equals + 1);
    }
    if (parameter.keyword.empty() || (parameter.has_value && parameter.value.empty())) return std::nullopt;
    for (const Parameter& earlier : parameters) {
      if (earlier.keyword == parameter.keyword) return std::nullopt;  // twice: which one counts?
    }
    parameters.push_back(std::move(parameter));
  }
  return parameters;
}

bool ParseNumber(std::string_view text, uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && !text.empty() && text.size() <= 20;
}

ParsedCommand ParseHello(std::string_view argument, bool extended) {
  argument = AsciiTrim(argument);
  // Clients announce all sorts of names; octets that could do harm in a trace field are refused.
  if (argument.empty() || argument.size() > 255) return Syntax("say who you are: EHLO your.host.name");
  for (const char c : argument) {
    if (c <= 0x20 || c >= 0x7f || c == '(' || c == ')' || c == '<' || c == '>' || c == ';' || c == '"' || c == '\\') {
      return Syntax("the name after EHLO must be a host name or an address literal");
    }
  }
  return {Ehlo{std::string(argument), extended}, {}};
}

bool TakeKeyword(std::string_view& text, std::string_view keyword) {
  if (text.size() < keyword.size() || !AsciiEqualsIgnoreCase(text.substr(0, keyword.size()), keyword)) return false;
  text.remove_prefix(keyword.size());
  // RFC 5321 allows no space here, but many clients send one.
  if (text.starts_with(' ')) text.remove_prefix(1);
  return true;
}

// Puts one MAIL parameter into `mail`; an error reply otherwise.
std::optional<Reply> SetMailParameter(const Parameter& parameter, MailFrom& mail) {
  const std::string& keyword = parameter.keyword;
  const std::string& value = parameter.value;
  const auto wrong = [&](const char* how) { return Reply(501, "5.5.4", keyword + " must be " + how); };
  if (keyword == "SIZE") {
    uint64_t size = 0;
    if (!ParseNumber(value, size)) return wrong("a number");
    mail.size = size;
  } else if (keyword == "BODY") {
    if (AsciiEqualsIgnoreCase(value, "8BITMIME"))
      mail.body_8bit = true;
    else if (!AsciiEqualsIgnoreCase(value, "7BIT"))
      return wrong("7BIT or 8BITMIME");
  } else if (keyword == "SMTPUTF8") {
    if (parameter.has_value) return wrong("without a value");
    mail.smtputf8 = true;
  } else if (keyword == "REQUIRETLS") {
    if (parameter.has_value) return wrong("without a value");
    mail.require_tls = true;
  } else if (keyword == "RET") {
    if (AsciiEqualsIgnoreCase(value, "FULL"))
      mail.ret = MailFrom::Ret::kFull;
    else if (AsciiEqualsIgnoreCase(value, "HDRS"))
      mail.ret = MailFrom::Ret::kHeaders;
    else
      return wrong("FULL or HDRS");
  } else if (keyword == "ENVID") {
    const auto decoded = DecodeXtext(value);
    if (!decoded.ok() || value.size() > 100) return wrong("xtext of at most 100 characters");
    mail.envid = *decoded;
  } else if (keyword == "AUTH") {
    if (!DecodeXtext(value).ok()) return wrong("<> or an address in xtext");  // RFC 4954 §5: understood, not used
  } else {
    return Reply(555, "5.5.4", "the parameter " + keyword.substr(0, 20) + " is not supported");
  }
  return std::nullopt;
}

ParsedCommand ParseMail(std::string_view argument, const CommandContext& context) {
  if (!TakeKeyword(argument, "FROM:")) return Syntax("write it like MAIL FROM:<you@example.jp>");
  std::string_view rest;
  MailFrom mail;
  // SMTPUTF8 stands after the address that it permits.
  auto path = ParsePath(argument, context.extended, true, rest);
  if (!path.ok()) return Refuse(501, "5.1.7", "MAIL FROM: " + path.error().detail);
  mail.path = *std::move(path);
  const auto parameters = SplitParameters(rest);
  if (!parameters) return Syntax("the parameters of MAIL FROM are wrong or given twice");
  if (!parameters->empty() && !context.extended) return Refuse(555, "5.5.4", "parameters need EHLO");
  for (const Parameter& parameter : *parameters) {
    if (auto error = SetMailParameter(parameter, mail)) return {std::nullopt, *std::move(error)};
  }
  if (mail.path.mailbox.needs_smtputf8 && !mail.smtputf8) {
    return Refuse(553, "5.6.7", "this address needs the SMTPUTF8 parameter");
  }
  return {std::move(mail), {}};
}

bool SetNotify(std::string_view value, RcptTo& rcpt) {
  while (!value.empty()) {
    const size_t comma = std::min(value.find(','), value.size());
    const std::string_view word = value.substr(0, comma);
    if (AsciiEqualsIgnoreCase(word, "NEVER"))
      rcpt.notify_never = true;
    else if (AsciiEqualsIgnoreCase(word, "SUCCESS"))
      rcpt.notify_success = true;
    else if (AsciiEqualsIgnoreCase(word, "FAILURE"))
      rcpt.notify_failure = true;
    else if (AsciiEqualsIgnoreCase(word, "DELAY"))
      rcpt.notify_delay = true;
    else
      return false;
    value.remove_prefix(std::min(comma + 1, value.size()));
  }
  return !(rcpt.notify_never && (rcpt.notify_success || rcpt.notify_failure || rcpt.notify_delay));
}

ParsedCommand ParseRcpt(std::string_view argument, const CommandContext& context) {
  if (!TakeKeyword(argument, "TO:")) return Syntax("write it like RCPT TO:<you@example.jp>");
  std::string_view rest;
  RcptTo rcpt;
  auto path = ParsePath(argument, context.mail_smtputf8, false, rest);
  if (!path.ok()) return Refuse(501, "5.1.3", "RCPT TO: " + path.error().detail);
  rcpt.path = *std::move(path);
  const auto parameters = SplitParameters(rest);
  if (!parameters) return Syntax("the parameters of RCPT TO are wrong or given twice");
  if (!parameters->empty() && !context.extended) return Refuse(555, "5.5.4", "parameters need EHLO");
  for (const Parameter& parameter : *parameters) {
    if (parameter.keyword == "NOTIFY") {
      if (!SetNotify(parameter.value, rcpt))
        return Syntax("NOTIFY must be NEVER, or a list of SUCCESS, FAILURE, DELAY");
    } else if (parameter.keyword == "ORCPT") {
      const size_t semicolon = parameter.value.find(';');
      const auto decoded = semicolon == std::string::npos
                               ? MakeError(Code::kInvalid, "")
                               : DecodeXtext(std::string_view(parameter.value).substr(semicolon + 1));
      if (!decoded.ok() || semicolon == 0 || parameter.value.size() > 500)
        return Syntax("ORCPT must be rfc822;address in xtext");
      rcpt.orcpt = parameter.value.substr(0, semicolon + 1) + *decoded;
    } else {
      return Refuse(555, "5.5.4", "the parameter " + parameter.keyword.substr(0, 20) + " is not supported");
    }
  }
  return {std::move(rcpt), {}};
}

ParsedCommand ParseBdat(std::string_view argument) {
  Bdat bdat;
  const size_t space = std::min(argument.find(' '), argument.size());
  if (!ParseNumber(argument.substr(0, space), bdat.size) || bdat.size > (1ull << 40))
    return Syntax("write it like BDAT 1000 LAST");
  const std::string_view rest = AsciiTrim(argument.substr(space));
  if (!rest.empty() && !AsciiEqualsIgnoreCase(rest, "LAST")) return Syntax("write it like BDAT 1000 LAST");
  bdat.last = !rest.empty();
  return {bdat, {}};
}

ParsedCommand ParseAuth(std::string_view argument) {
  const size_t space = std::min(argument.find(' '), argument.size());
  Auth auth;
  for (const char c : argument.substr(0, space)) auth.mechanism += c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  if (auth.mechanism.empty()) return Syntax("write it like AUTH PLAIN");
  if (space < argument.size()) auth.initial = std::string(argument.substr(space + 1));
  return {std::move(auth), {}};
}

}  // namespace

ParsedCommand ParseCommand(std::string_view line, const CommandContext& context) {
  const size_t space = std::min(line.find(' '), line.size());
  std::string verb;
  for (const char c : line.substr(0, space)) verb += c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  const std::string_view argument = space < line.size() ? line.substr(space + 1) : std::string_view();
  if (verb == "EHLO") return ParseHello(argument, true);
  if (verb == "HELO") return ParseHello(argument, false);
  if (verb == "MAIL") return ParseMail(argument, context);
  if (verb == "RCPT") return ParseRcpt(argument, context);
  if (verb == "BDAT") return ParseBdat(argument);
  if (verb == "AUTH") return ParseAuth(argument);
  if (verb == "NOOP") return {Noop{}, {}};
  if (verb == "HELP") return {Help{}, {}};
  if (verb == "VRFY" || verb == "EXPN") return {Vrfy{}, {}};
  Command command;
  if (verb == "DATA")
    command = Data{};
  else if (verb == "RSET")
    command = Rset{};
  else if (verb == "QUIT")
    command = Quit{};
  else if (verb == "STARTTLS")
    command = StartTls{};
  else
    return Refuse(500, "5.5.2", "the command is not known");
  if (!AsciiTrim(argument).empty()) return Syntax(verb + " takes no argument");
  return {std::move(command), {}};
}

Result<std::string> DecodeXtext(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '+') {
      const auto octet = i + 2 < text.size() ? HexDecode(text.substr(i + 1, 2)) : MakeError(Code::kInvalid, "");
      if (!octet.ok() || (*octet)[0] < 0x20 || (*octet)[0] == 0x7f) return MakeError(Code::kInvalid, "not xtext");
      out += *octet;
      i += 2;
    } else if (c < 0x21 || c > 0x7e || c == '=') {
      return MakeError(Code::kInvalid, "not xtext");
    } else {
      out += c;
    }
  }
  return out;
}

std::string EncodeXtext(std::string_view text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (c < 0x21 || c > 0x7e || c == '+' || c == '=') {
      const auto octet = static_cast<unsigned char>(c);
      out += {'+', kDigits[octet >> 4], kDigits[octet & 15]};
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace sekisho::smtp
