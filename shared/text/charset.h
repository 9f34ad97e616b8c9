#pragma once
// Octets in a named or unnamed charset → UTF-8. Japanese as mailers really send it (CP932, CP51932, CP50221),
// everything else by ICU. Pure, thread safe.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sekisho::text {

struct Charset {
  enum class Kind { kAscii, kUtf8, kIso2022Jp, kShiftJis, kEucJp, kOther };
  Kind kind = Kind::kAscii;
  std::string converter;  // ICU's name, for kOther only

  bool operator==(const Charset&) const = default;
};

// By a name as found in mail, any case: IANA's names, Microsoft's and the usual misspellings. Labels that stand for a
// smaller set than senders use are widened as WHATWG does (ISO-8859-1 is windows-1252, GB2312 is GB 18030). nullopt
// when unknown.
std::optional<Charset> FindCharset(std::string_view name);

struct Decoded {
  std::string utf8;   // U+FFFD for each octet or pair without meaning
  bool exact = true;  // every octet had a meaning
};
Decoded Decode(const Charset& charset, std::string_view octets);

// What the octets most likely are, judged by themselves: a byte order mark, escapes, UTF-8, Shift_JIS or EUC-JP; else
// windows-1252.
Charset Detect(std::string_view octets);

// All that a reader may take `octets` for. The first is the declared reading where its charset is known, else the
// detected; the others differ from it in text. `also` names charsets declared elsewhere, as HTML does.
struct Readings {
  std::vector<std::string> texts;  // never empty; UTF-8
  bool mismatch = false;           // the octets aren't what `declared` says, or it is unknown
};
Readings ReadAll(std::string_view octets, std::string_view declared, std::span<const std::string> also = {});
// Whether ReadAll would give nothing but `octets` as they are, without a mismatch: ASCII or UTF-8 that says so. Then
// there is no need for copies of what may be large. Never wrong when true.
bool IsReadAsItIs(std::string_view octets, std::string_view declared, std::span<const std::string> also = {});

}  // namespace sekisho::text
