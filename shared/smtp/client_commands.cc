#include "shared/smtp/client_commands.h"

#include <algorithm>

#include "shared/smtp/address.h"
#include "shared/smtp/command.h"

namespace sekisho::smtp {
namespace {

bool IsNotify(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'A' && c <= 'Z') || c == ','; });
}

bool IsAddressType(std::string_view text) {  // RFC 3461 §4.2: an atom
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  });
}

Error Lacks(const char* what) { return MakeError(Code::kUnsupported, std::string("the peer does not offer ") + what); }
Error Wrong(const char* what) { return MakeError(Code::kMalformed, std::string("the envelope has a wrong ") + what); }

Result<std::string> MailCommand(const Transaction& mail, const ContentFacts& content, const Extensions& extensions) {
  if (!mail.mail_from.empty() && !ParseMailbox(mail.mail_from, mail.smtputf8).ok()) return Wrong("MAIL FROM");
  if (!mail.ret.empty() && mail.ret != "FULL" && mail.ret != "HDRS") return Wrong("RET");
  std::string command = "MAIL FROM:<" + mail.mail_from + ">";
  if (extensions.contains("SIZE")) command += " SIZE=" + std::to_string(content.size);
  if (content.octets_over_127) command += " BODY=8BITMIME";
  if (mail.smtputf8) command += " SMTPUTF8";
  if (mail.require_tls) command += " REQUIRETLS";
  if (extensions.contains("DSN")) {
    if (!mail.ret.empty()) command += " RET=" + mail.ret;
    if (!mail.envid.empty()) command += " ENVID=" + EncodeXtext(mail.envid);
  }
  return command + "\r\n";
}

Result<std::string> RcptCommand(const Transaction::Recipient& recipient, bool smtputf8, bool dsn) {
  if (!ParseMailbox(recipient.address, smtputf8).ok()) return Wrong("recipient");
  std::string command = "RCPT TO:<" + recipient.address + ">";
  if (dsn && !recipient.notify.empty()) {
    if (!IsNotify(recipient.notify)) return Wrong("NOTIFY");
    command += " NOTIFY=" + recipient.notify;
  }
  if (dsn && !recipient.original.empty()) {
    const std::string_view original = recipient.original;
    const size_t type = std::min(original.find(';'), original.size());
    if (type == original.size() || !IsAddressType(original.substr(0, type))) return Wrong("ORCPT");
    command.append(" ORCPT=").append(original.substr(0, type + 1)).append(EncodeXtext(original.substr(type + 1)));
  }
  return command + "\r\n";
}

}  // namespace

Extensions ParseExtensions(const Reply& ehlo) {
  Extensions extensions;
  for (size_t i = 1; i < ehlo.lines.size(); ++i) {  // the first line greets
    const std::string& line = ehlo.lines[i];
    const size_t space = std::min(line.find(' '), line.size());
    std::string keyword = line.substr(0, space);
    for (char& c : keyword) {
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
    }
    extensions[std::move(keyword)] = line.substr(std::min(space + 1, line.size()));
  }
  return extensions;
}

Result<std::vector<std::string>> EnvelopeCommands(const Transaction& mail, const ContentFacts& content,
                                                  const Extensions& extensions, bool tls) {
  if (content.octets_over_127 && !extensions.contains("8BITMIME")) return Lacks("8BITMIME");
  if (mail.smtputf8 && !extensions.contains("SMTPUTF8")) return Lacks("SMTPUTF8");
  if (mail.require_tls && !(tls && extensions.contains("REQUIRETLS"))) return Lacks("REQUIRETLS");
  std::vector<std::string> commands;
  SEKISHO_TRY(commands.emplace_back(), MailCommand(mail, content, extensions));
  for (const Transaction::Recipient& recipient : mail.recipients) {
    SEKISHO_TRY(commands.emplace_back(), RcptCommand(recipient, mail.smtputf8, extensions.contains("DSN")));
  }
  commands.emplace_back("DATA\r\n");
  return commands;
}

}  // namespace sekisho::smtp
