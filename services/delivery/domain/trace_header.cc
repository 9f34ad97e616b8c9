#include "services/delivery/domain/trace_header.h"

#include <algorithm>

#include "shared/base/bytes.h"

namespace sekisho::delivery {
namespace {

constexpr std::string_view kStampField = "X-Sekisho-Loop";

bool IsOneOf(char c, std::string_view others) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         others.find(c) != std::string_view::npos;
}

bool Only(std::string_view text, std::string_view others, size_t limit) {
  return !text.empty() && text.size() <= limit &&
         std::all_of(text.begin(), text.end(), [&](char c) { return IsOneOf(c, others); });
}

// RFC 5321 §4.1.3: "[192.0.2.1]", "[IPv6:2001:db8::1]".
std::string AddressLiteral(std::string_view peer) {
  if (!Only(peer, ".:", 45)) return {};
  return (peer.find(':') == std::string_view::npos ? "[" : "[IPv6:") + std::string(peer) + "]";
}

std::string FromClause(const mail::v1::Submitter& submitter) {
  const std::string literal = AddressLiteral(submitter.peer());
  std::string name = Only(submitter.helo(), "-._:[]", 255) ? submitter.helo() : literal;
  if (name.empty()) return {};
  return "from " + name + (literal.empty() || literal == name ? "" : " (" + literal + ")") + "\r\n\t";
}

}  // namespace

std::string TraceFields(const Trace& trace) {
  std::string out = "Received: ";
  std::string protocol, tls;
  if (trace.submitter != nullptr && trace.submitter->kind() != mail::v1::Submitter::KIND_SYSTEM) {
    out += FromClause(*trace.submitter);
    protocol = trace.submitter->protocol();
    tls = trace.submitter->tls();
  }
  out += "by " + std::string(trace.hostname) + " (Sekisho)";
  if (Only(protocol, "-", 32)) out += " with " + protocol;
  if (Only(tls, " ._-", 100)) out += "\r\n\t(using " + tls + ")";
  out += "\r\n\tid " + std::string(trace.mail_id);
  // An address that isn't plain ASCII has no place here unless the mail goes by SMTPUTF8; it is left out.
  if (Only(trace.only_recipient, "!#$%&'*+-/=?^_`{|}~.@[]:", 320))
    out += "\r\n\tfor <" + std::string(trace.only_recipient) + ">";
  out += ";\r\n\t" + FormatRfc5322(trace.accepted_at) + "\r\n";
  out += std::string(kStampField) + ": " + std::string(trace.stamp) + "\r\n";
  return out;
}

Hops CountHops(std::string_view message, std::string_view stamp) {
  Hops hops;
  while (!message.empty()) {
    const size_t end = message.find("\r\n");
    const std::string_view line = message.substr(0, end);
    if (line.empty()) break;
    const size_t colon = line.find(':');
    if (colon != std::string_view::npos && line.front() != ' ' && line.front() != '\t') {
      const std::string_view name = AsciiTrim(line.substr(0, colon));
      if (AsciiEqualsIgnoreCase(name, "Received")) ++hops.received;
      if (AsciiEqualsIgnoreCase(name, kStampField) && AsciiTrim(line.substr(colon + 1)) == stamp) ++hops.stamps;
    }
    if (end == std::string_view::npos) break;
    message.remove_prefix(end + 2);
  }
  return hops;
}

bool IsLoop(const Hops& hops) { return hops.received > kMaxReceived || hops.stamps >= kMaxStamps; }

}  // namespace sekisho::delivery
