#include "services/delivery/domain/disposition.h"

#include <algorithm>

#include "shared/text/utf8.h"

namespace sekisho::delivery {
namespace {

using Kind = Disposition::Kind;

// RFC 3463 §2: "5.1.1", the class first, then up to three digits twice.
bool IsEnhanced(std::string_view code, char expected_class) {
  if (code.size() < 5 || code[0] != expected_class || code[1] != '.') return false;
  size_t digits = 0, dots = 0;
  for (const char c : code.substr(2)) {
    if (c == '.') {
      if (digits == 0 || ++dots > 1) return false;
      digits = 0;
    } else if (c < '0' || c > '9' || ++digits > 3) {
      return false;
    }
  }
  return dots == 1 && digits > 0;
}

// What a step's refusal is called when the peer doesn't say.
std::string_view DefaultDetail(Step step) {
  switch (step) {
    case Step::kRoute:
      return "4.3";  // directory server failure
    case Step::kConnect:
      return "4.1";  // no answer from host
    case Step::kGreeting:
    case Step::kHello:
      return "3.2";  // system not accepting network messages
    case Step::kTls:
    case Step::kAuth:
      return "7.0";
    case Step::kMailFrom:
      return "1.0";
    case Step::kRecipient:
      return "1.0";
    case Step::kData:
    case Step::kContent:
    case Step::kDot:
      return "0.0";
  }
  return "0.0";
}

std::string StatusOf(Kind kind, std::string_view enhanced, Step step) {
  const char wanted = kind == Kind::kDelivered ? '2' : kind == Kind::kDefer ? '4' : '5';
  if (IsEnhanced(enhanced, wanted)) return std::string(enhanced);
  if (kind == Kind::kDelivered) return "2.0.0";
  return std::string(1, wanted) + '.' + std::string(DefaultDetail(step));
}

// Before MAIL FROM a refusal is about the session, not the mail: another host may take it, and an operator may mend it.
bool IsSession(Step step) { return step < Step::kMailFrom; }

Kind KindOf(Step step, int code) {
  if (step == Step::kDot && code >= 200 && code <= 299) return Kind::kDelivered;
  if (code < 500 || code > 599) return Kind::kDefer;
  // RFC 7504: 521 in the greeting says that the host never takes mail. RFC 7505 §4.2 uses 556 for a recipient's domain.
  if (IsSession(step) && code != 521 && code != 556) return Kind::kDefer;
  return Kind::kBounce;
}

Disposition Ours(Kind kind, std::string status, std::string text) {
  Disposition disposition;
  disposition.kind = kind;
  disposition.status = std::move(status);
  disposition.text = std::move(text);
  return disposition;
}

Disposition OfRouteFailure(const Error& error) {
  switch (error.code) {
    case Code::kNotFound:
      return Ours(Kind::kBounce, "5.1.2", "the domain does not exist");
    case Code::kUnsupported:
      return Ours(Kind::kBounce, "5.1.10", "the domain takes no mail (null MX)");
    case Code::kPrecondition:
      return Ours(Kind::kBounce, "5.4.6", "the domain's mail would come back to this host");
    case Code::kInvalid:
    case Code::kMalformed:
      return Ours(Kind::kBounce, "5.1.2", "the domain is not a valid one");
    default:
      return Ours(Kind::kDefer, "4.4.3", "the domain's mail hosts could not be looked up");
  }
}

}  // namespace

std::string_view StepName(Step step) {
  switch (step) {
    case Step::kRoute:
      return "route";
    case Step::kConnect:
      return "connect";
    case Step::kGreeting:
      return "greeting";
    case Step::kHello:
      return "hello";
    case Step::kTls:
      return "tls";
    case Step::kAuth:
      return "auth";
    case Step::kMailFrom:
      return "mail_from";
    case Step::kRecipient:
      return "recipient";
    case Step::kData:
      return "data";
    case Step::kContent:
      return "content";
    case Step::kDot:
      return "dot";
  }
  return "unknown";
}

Disposition OfReply(Step step, const Reply& reply, bool others_taken) {
  Disposition disposition;
  disposition.from_peer = true;
  disposition.kind = KindOf(step, reply.code);
  // RFC 5321 §4.5.3.1.10: "too many recipients" is 452, from old servers 552; the rest go in another transaction.
  if (step == Step::kRecipient && others_taken && (reply.code == 452 || reply.code == 552)) {
    disposition.kind = Kind::kDefer;
    disposition.at_once = true;
  }
  disposition.status = StatusOf(disposition.kind, reply.enhanced, step);
  std::string text = std::to_string(reply.code) + ' ';
  if (!reply.enhanced.empty()) text += reply.enhanced + ' ';
  disposition.text = Printable(text + reply.text);
  return disposition;
}

Disposition OfFailure(Step step, const Error& error) {
  if (step == Step::kRoute) return OfRouteFailure(error);
  Disposition disposition;
  disposition.kind = Kind::kDefer;
  disposition.ambiguous = step == Step::kDot;
  switch (step) {
    case Step::kConnect:
      disposition.status = "4.4.1";
      break;
    case Step::kTls:
      disposition.status = "4.7.5";
      break;
    default:
      disposition.status = "4.4.2";
      break;  // bad connection
  }
  disposition.text = Printable(std::string(StepName(step)) + ": " + error.detail);
  return disposition;
}

Disposition OfMissing(Missing missing) {
  switch (missing) {
    case Missing::kSmtpUtf8:
      return Ours(Kind::kBounce, "5.6.7",
                  "the recipient's host does not take internationalised addresses or headers (SMTPUTF8)");
    case Missing::k8BitMime:
      return Ours(Kind::kBounce, "5.6.3", "the recipient's host does not take 8-bit content (8BITMIME)");
    case Missing::kRequireTls:
      return Ours(Kind::kBounce, "5.7.30",
                  "the recipient's host cannot promise the protection that this mail asks for (REQUIRETLS)");
  }
  return Ours(Kind::kDefer, "4.3.0", "unknown");
}

Disposition OfLoop() { return Ours(Kind::kBounce, "5.4.6", "the mail is going round in a loop"); }

Disposition OfUnsendable(const Error& error) { return Ours(Kind::kBounce, "5.6.0", Printable(error.detail)); }

const Disposition& Better(const Disposition& a, const Disposition& b) {
  return a.kind == Kind::kBounce && b.kind == Kind::kDefer ? b : a;
}

std::string Printable(std::string_view text, size_t limit) {
  std::string out;
  for (size_t next = 0; next < text.size();) {
    const size_t begin = next;
    const char32_t code_point = text::NextCodePoint(text, next);
    std::string_view piece = text.substr(begin, next - begin);
    if ((code_point == text::kReplacement && piece.size() == 1) || text::HasInvisible(piece)) piece = "?";
    if (out.size() + piece.size() > limit) break;
    out += piece;
  }
  return out;
}

std::string WithoutAddresses(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    out += word.find('@') == std::string_view::npos ? word : std::string_view("<address>");
    if (end < text.size()) out += ' ';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return Printable(out, 200);
}

}  // namespace sekisho::delivery
