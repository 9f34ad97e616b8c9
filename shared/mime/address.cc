#include "shared/mime/address.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "shared/base/bytes.h"
#include "shared/mime/encoded_word.h"
#include "shared/mime/header_section.h"
#include "shared/text/domain.h"
#include "shared/text/utf8.h"

namespace sekisho::mime {
namespace {

// RFC 5322 §3.2.3, with RFC 6532's octets over 127. Dots pass anywhere: mobile carriers gave out "a..b." addresses.
bool IsDotAtom(char c) {
  return static_cast<unsigned char>(c) >= 0x80 ||
         (c > 32 && c != 127 && std::string_view("()<>[]:;@\\,\"").find(c) == std::string_view::npos);
}

bool AllDotAtom(std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), IsDotAtom); }

// One entry of a list while it is read.
struct Entry {
  std::string phrase;  // what stands outside brackets and comments, quotes removed
  std::string bare;    // the same with quotes kept: an address, when there are no brackets
  std::string comment;
  std::optional<std::string> angle;
  bool unquoted_at = false;
  bool ambiguous = false;

  bool IsEmpty() const {
    return AsciiTrim(phrase).empty() && bare.find('"') == std::string::npos && !angle && comment.empty();
  }
};

class ListReader {
 public:
  ListReader(std::string_view text, size_t limit, AddressList& list) : text_(text), limit_(limit), list_(list) {}

  void Run() {
    while (at_ < text_.size()) Step();
    Finish();
  }

 private:
  void Step() {
    const char c = text_[at_++];
    switch (c) {
      case '"':
        Quoted();
        return;
      case '(':
        Comment();
        return;
      case '<':
        Angle();
        return;
      case ',':
        Finish();
        return;
      case ';':
        // Outside a group some mailers part addresses with it, and some readers don't know that.
        if (!in_group_ && !entry_.IsEmpty()) entry_.ambiguous = true;
        in_group_ = false;
        Finish();
        return;
      case ':':
        if (in_group_ || entry_.angle || entry_.unquoted_at) {
          entry_.ambiguous = true;
        } else {
          in_group_ = true;
          entry_ = Entry();
        }
        return;
      case '>':
      case ')':
      case '\\':
        entry_.ambiguous = true;
        return;
      default:
        if (entry_.angle && c != ' ' && c != '\t') entry_.ambiguous = true;
        if (c == '@') entry_.unquoted_at = true;
        entry_.phrase += c;
        entry_.bare += c;
    }
  }

  // Appends up to the closing quote; true when there was one.
  bool ReadQuoted(std::string& unquoted, std::string& as_written) {
    as_written += '"';
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      as_written += c;
      if (c == '"') return true;
      if (c == '\\' && at_ < text_.size()) {
        as_written += text_[at_];
        unquoted += text_[at_++];
      } else {
        unquoted += c;
      }
    }
    return false;
  }

  void Quoted() {
    if (entry_.angle) entry_.ambiguous = true;
    if (!ReadQuoted(entry_.phrase, entry_.bare)) entry_.ambiguous = true;
  }

  void Comment() {
    size_t depth = 1;
    std::string text;
    while (at_ < text_.size() && depth > 0) {
      const char c = text_[at_++];
      if (c == '\\' && at_ < text_.size()) {
        text += text_[at_++];
        continue;
      }
      if (c == '(') ++depth;
      if (c == ')') --depth;
      if (depth > 0) text += c;
    }
    if (depth > 0) entry_.ambiguous = true;
    // In the middle of an address a comment makes two of it.
    if (entry_.bare.ends_with('@') || entry_.bare.ends_with('.')) entry_.ambiguous = true;
    if (entry_.comment.empty()) entry_.comment = std::move(text);
    entry_.bare += ' ';
  }

  void Angle() {
    if (entry_.angle) entry_.ambiguous = true;
    std::string address;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '>') {
        entry_.angle = std::move(address);
        return;
      }
      if (c == '"') {
        std::string unquoted;
        if (!ReadQuoted(unquoted, address)) break;
        continue;
      }
      if (c == '<' || c == '(') entry_.ambiguous = true;
      address += c;
    }
    entry_.ambiguous = true;
    entry_.angle = std::move(address);
  }

  void Finish() {
    Entry entry = std::exchange(entry_, Entry());
    if (entry.IsEmpty() && !entry.ambiguous) return;
    if (list_.addresses.size() >= limit_) {
      list_.ambiguous = true;
      return;
    }
    Address address;
    std::string_view shown = AsciiTrim(entry.phrase);
    if (entry.angle) {
      address = ReadAddrSpec(*entry.angle);
      entry.ambiguous |= !address.valid && entry.angle->find('@') != std::string::npos;
      if (entry.unquoted_at) {
        // "a@x <a@x>" is common and says one thing; "a@x <b@y>" says two.
        const Address other = ReadAddrSpec(AsciiTrim(entry.bare));
        entry.ambiguous |= !other.valid || !AsciiEqualsIgnoreCase(other.AddrSpec(), address.AddrSpec());
      }
    } else if (entry.unquoted_at) {
      address = ReadAddrSpec(AsciiTrim(entry.bare));
      entry.ambiguous |= !address.valid;
      shown = "";
    }
    if (shown.empty()) shown = entry.comment;
    // A mail program that decodes words in addresses, and one that doesn't, send to different people.
    if (address.local_part.find("=?") != std::string::npos || address.domain.find("=?") != std::string::npos)
      entry.ambiguous = true;
    address.display_name = DecodeText(shown);
    if (entry.ambiguous) address.valid = false;
    list_.ambiguous |= entry.ambiguous;
    list_.addresses.push_back(std::move(address));
  }

  std::string_view text_;
  const size_t limit_;
  AddressList& list_;
  size_t at_ = 0;
  bool in_group_ = false;
  Entry entry_;
};

}  // namespace

Address ReadAddrSpec(std::string_view utf8) {
  Address address;
  utf8 = AsciiTrim(utf8);
  std::string_view rest = utf8;
  if (utf8.starts_with('"')) {
    size_t at = 1;
    while (at < utf8.size() && utf8[at] != '"') {
      if (utf8[at] == '\\' && at + 1 < utf8.size()) ++at;
      address.local_part += utf8[at++];
    }
    rest = utf8.substr(std::min(at + 1, utf8.size()));
  } else {
    const size_t at = std::min(utf8.find('@'), utf8.size());
    address.local_part = utf8.substr(0, at);
    rest = utf8.substr(at);
  }
  const bool local_ok = utf8.starts_with('"') || AllDotAtom(address.local_part);
  if (!rest.starts_with('@')) return address;
  const std::string_view domain = rest.substr(1);
  address.domain = AsciiLower(domain);
  if (!local_ok || address.local_part.empty() || !text::IsValidUtf8(address.local_part)) return address;
  if (domain.starts_with('[') && domain.ends_with(']')) {
    address.valid = AllDotAtom(domain.substr(1, domain.size() - 2)) || domain.find(':') != std::string_view::npos;
    return address;
  }
  if (!AllDotAtom(domain)) return address;
  Result<std::string> ascii = text::DomainToAscii(domain);
  if (!ascii.ok()) return address;
  address.domain = *std::move(ascii);
  address.valid = true;
  return address;
}

AddressList ReadAddresses(std::string_view raw_value, size_t limit, const std::optional<text::Charset>& raw_charset) {
  bool had_raw = false;
  const std::string line = ToUtf8(raw_value, had_raw, raw_charset);
  AddressList list;
  ListReader(line, limit, list).Run();
  if (!had_raw || line == Unfold(raw_value)) return list;
  // A reader that takes the octets of ISO-2022-JP or Shift_JIS for ASCII must not see another address in them.
  AddressList naive;
  const std::string octets = Unfold(raw_value);
  ListReader(octets, limit, naive).Run();
  for (const Address& seen : naive.addresses) {
    const auto same = [&](const Address& address) { return address.valid && address.AddrSpec() == seen.AddrSpec(); };
    if (seen.valid && std::none_of(list.addresses.begin(), list.addresses.end(), same)) list.ambiguous = true;
  }
  return list;
}

}  // namespace sekisho::mime
