#include "shared/smtp/address.h"

#include <arpa/inet.h>

#include <algorithm>

#include "shared/base/bytes.h"

namespace sekisho::smtp {
namespace {

// RFC 5321 §4.5.3.1; a path has 256 octets, < and > among them.
constexpr size_t kLongestLocalPart = 64, kLongestDomain = 255, kLongestLabel = 63, kLongestMailbox = 254;

bool IsAlnum(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsHigh(char c) { return static_cast<unsigned char>(c) >= 0x80; }
// RFC 5322 §3.2.3
bool IsAtext(char c) { return IsAlnum(c) || std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos; }

Error Wrong(const char* what) { return MakeError(Code::kInvalid, what); }

bool IsWellFormedUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    const size_t size = c < 0x80                ? 1
                        : c >= 0xc2 && c < 0xe0 ? 2
                        : c >= 0xe0 && c < 0xf0 ? 3
                        : c >= 0xf0 && c < 0xf5 ? 4
                                                : 0;
    if (size == 0 || i + size > text.size()) return false;
    for (size_t k = 1; k < size; ++k) {
      if ((static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) return false;
    }
    const auto second = size > 1 ? static_cast<unsigned char>(text[i + 1]) : 0;
    if ((c == 0xe0 && second < 0xa0) || (c == 0xed && second >= 0xa0) || (c == 0xf0 && second < 0x90) ||
        (c == 0xf4 && second >= 0x90)) {
      return false;  // overlong, surrogate, or beyond U+10FFFF
    }
    i += size;
  }
  return true;
}

Result<size_t> QuotedLength(std::string_view text, bool smtputf8) {
  for (size_t i = 1; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') return i + 1;
    if (c == '\\') {
      if (++i == text.size() || text[i] < 0x20 || text[i] > 0x7e) return Wrong("the local part has a wrong escape");
    } else if (IsHigh(c) ? !smtputf8 : c < 0x20 || c > 0x7e) {
      return Wrong("the local part has a character that is not allowed");
    }
  }
  return Wrong("the local part's quotes do not end");
}

Result<size_t> DotStringLength(std::string_view text, bool smtputf8) {
  size_t i = 0;
  bool dot = true;  // an atom must come
  for (; i < text.size() && text[i] != '@'; ++i) {
    if (text[i] == '.') {
      if (dot) return Wrong("the local part has a dot at an end or two in a row");
      dot = true;
    } else if (IsAtext(text[i]) || (IsHigh(text[i]) && smtputf8)) {
      dot = false;
    } else {
      return Wrong(IsHigh(text[i]) ? "the address needs SMTPUTF8"
                                   : "the local part has a character that is not allowed");
    }
  }
  if (dot) return Wrong("the local part is empty or ends with a dot");
  return i;
}

// RFC 5321 §4.1.3
bool IsAddressLiteral(std::string_view text) {
  if (text.size() < 3 || text.front() != '[' || text.back() != ']') return false;
  const std::string inner(text.substr(1, text.size() - 2));
  if (inner.find('\0') != std::string::npos) return false;  // inet_pton would look no further
  unsigned char octets[16];
  if (AsciiEqualsIgnoreCase(inner.substr(0, 5), "IPv6:")) return inet_pton(AF_INET6, inner.c_str() + 5, octets) == 1;
  return inet_pton(AF_INET, inner.c_str(), octets) == 1;
}

}  // namespace

bool IsDomainName(std::string_view text, bool smtputf8) {
  if (text.empty() || text.size() > kLongestDomain) return false;
  size_t begin = 0;
  while (begin <= text.size()) {
    const size_t end = std::min(text.find('.', begin), text.size());
    const std::string_view label = text.substr(begin, end - begin);
    if (label.empty() || label.size() > kLongestLabel || label.front() == '-' || label.back() == '-') return false;
    for (const char c : label) {
      if (!IsAlnum(c) && c != '-' && c != '_' && !(IsHigh(c) && smtputf8)) return false;
    }
    begin = end + 1;
  }
  return true;
}

Result<Mailbox> ParseMailbox(std::string_view text, bool smtputf8) {
  if (text.empty()) return Wrong("the address is empty");
  if (text.size() > kLongestMailbox) return Wrong("the address is longer than 254 octets");
  SEKISHO_TRY(const size_t local, text.front() == '"' ? QuotedLength(text, smtputf8) : DotStringLength(text, smtputf8));
  if (local >= text.size() || text[local] != '@') return Wrong("the address has no @ and domain");
  if (local > kLongestLocalPart) return Wrong("the local part is longer than 64 octets");
  const std::string_view domain = text.substr(local + 1);
  if (!IsDomainName(domain, smtputf8) && !IsAddressLiteral(domain)) return Wrong("the domain is not a domain name");
  if (smtputf8 && !IsWellFormedUtf8(text)) return Wrong("the address is not UTF-8");
  Mailbox mailbox{std::string(text.substr(0, local)), AsciiLower(domain), false};
  for (const char c : text) mailbox.needs_smtputf8 = mailbox.needs_smtputf8 || IsHigh(c);
  return mailbox;
}

Result<Path> ParsePath(std::string_view text, bool smtputf8, bool null_allowed, std::string_view& rest) {
  if (text.empty() || text.front() != '<') return Wrong("the address must stand between < and >");
  // A > inside quotes does not end the path.
  size_t end = std::string_view::npos;
  bool quoted = false;
  for (size_t i = 1; i < text.size() && end == std::string_view::npos; ++i) {
    if (quoted && text[i] == '\\')
      ++i;
    else if (text[i] == '"')
      quoted = !quoted;
    else if (text[i] == '>' && !quoted)
      end = i;
  }
  if (end == std::string_view::npos) return Wrong("the address has no closing >");
  std::string_view inner = text.substr(1, end - 1);
  rest = text.substr(end + 1);
  if (inner.empty()) {
    if (!null_allowed) return Wrong("the address is empty");
    return Path{{}, true};
  }
  if (inner.front() == '@') {  // RFC 5321 §4.1.1.3: accepted, ignored
    const size_t colon = inner.find(':');
    if (colon == std::string_view::npos) return Wrong("the source route has no end");
    for (size_t begin = 0; begin <= colon;) {
      const size_t end_of_hop = std::min(inner.find(',', begin), colon);
      const std::string_view hop = inner.substr(begin, end_of_hop - begin);
      if (!hop.starts_with('@') || !IsDomainName(hop.substr(1), smtputf8)) return Wrong("the source route is wrong");
      begin = end_of_hop + 1;
    }
    inner.remove_prefix(colon + 1);
  }
  SEKISHO_TRY(Mailbox mailbox, ParseMailbox(inner, smtputf8));
  return Path{std::move(mailbox), false};
}

}  // namespace sekisho::smtp
