#include "shared/text/charset.h"

#include <unicode/ucnv.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <unordered_map>
#include <utility>

#include "shared/base/bytes.h"
#include "shared/base/handle.h"
#include "shared/text/japanese.h"
#include "shared/text/utf8.h"

namespace sekisho::text {
namespace {

using Kind = Charset::Kind;
using Converter = Handle<UConverter, ucnv_close>;

struct Alias {
  std::string_view name;
  Kind kind;
  const char* converter;
};

// Names that ICU reads differently from mail practice, or not at all.
constexpr Alias kAliases[] = {
    {"us-ascii", Kind::kAscii, ""},
    {"ascii", Kind::kAscii, ""},
    {"ansi_x3.4-1968", Kind::kAscii, ""},
    {"646", Kind::kAscii, ""},
    {"utf-8", Kind::kUtf8, ""},
    {"utf8", Kind::kUtf8, ""},
    {"utf-8n", Kind::kUtf8, ""},
    {"unicode-1-1-utf-8", Kind::kUtf8, ""},
    {"iso-2022-jp", Kind::kIso2022Jp, ""},
    {"iso2022-jp", Kind::kIso2022Jp, ""},
    {"iso2022jp", Kind::kIso2022Jp, ""},
    {"iso-2022-jp-1", Kind::kIso2022Jp, ""},
    {"iso-2022-jp-3", Kind::kIso2022Jp, ""},
    {"iso-2022-jp-2004", Kind::kIso2022Jp, ""},
    {"iso-2022-jp-ms", Kind::kIso2022Jp, ""},
    {"csiso2022jp", Kind::kIso2022Jp, ""},
    {"cp50220", Kind::kIso2022Jp, ""},
    {"cp50221", Kind::kIso2022Jp, ""},
    {"cp50222", Kind::kIso2022Jp, ""},
    {"x-windows-iso2022jp", Kind::kIso2022Jp, ""},
    {"x-windows-50220", Kind::kIso2022Jp, ""},
    {"x-windows-50221", Kind::kIso2022Jp, ""},
    {"jis", Kind::kIso2022Jp, ""},
    {"jis7", Kind::kIso2022Jp, ""},
    {"shift_jis", Kind::kShiftJis, ""},
    {"shift-jis", Kind::kShiftJis, ""},
    {"shiftjis", Kind::kShiftJis, ""},
    {"sjis", Kind::kShiftJis, ""},
    {"x-sjis", Kind::kShiftJis, ""},
    {"x-shift-jis", Kind::kShiftJis, ""},
    {"csshiftjis", Kind::kShiftJis, ""},
    {"ms_kanji", Kind::kShiftJis, ""},
    {"cp932", Kind::kShiftJis, ""},
    {"ms932", Kind::kShiftJis, ""},
    {"windows-31j", Kind::kShiftJis, ""},
    {"cswindows31j", Kind::kShiftJis, ""},
    {"windows-932", Kind::kShiftJis, ""},
    {"x-ms-cp932", Kind::kShiftJis, ""},
    {"euc-jp", Kind::kEucJp, ""},
    {"eucjp", Kind::kEucJp, ""},
    {"euc_jp", Kind::kEucJp, ""},
    {"x-euc-jp", Kind::kEucJp, ""},
    {"x-eucjp", Kind::kEucJp, ""},
    {"x-euc", Kind::kEucJp, ""},
    {"ujis", Kind::kEucJp, ""},
    {"eucjp-ms", Kind::kEucJp, ""},
    {"eucjp-win", Kind::kEucJp, ""},
    {"cp51932", Kind::kEucJp, ""},
    {"cp20932", Kind::kEucJp, ""},
    {"cseucpkdfmtjapanese", Kind::kEucJp, ""},
    {"iso-8859-1", Kind::kOther, "windows-1252"},
    {"iso8859-1", Kind::kOther, "windows-1252"},
    {"iso_8859-1", Kind::kOther, "windows-1252"},
    {"latin1", Kind::kOther, "windows-1252"},
    {"l1", Kind::kOther, "windows-1252"},
    {"cp1252", Kind::kOther, "windows-1252"},
    {"iso-8859-9", Kind::kOther, "windows-1254"},
    {"iso-8859-11", Kind::kOther, "windows-874"},
    {"tis-620", Kind::kOther, "windows-874"},
    {"iso-8859-8-i", Kind::kOther, "iso-8859-8"},
    {"gb2312", Kind::kOther, "gb18030"},
    {"gb_2312-80", Kind::kOther, "gb18030"},
    {"gbk", Kind::kOther, "gb18030"},
    {"x-gbk", Kind::kOther, "gb18030"},
    {"cp936", Kind::kOther, "gb18030"},
    {"ks_c_5601-1987", Kind::kOther, "windows-949"},
    {"euc-kr", Kind::kOther, "windows-949"},
    {"big5", Kind::kOther, "Big5-HKSCS"},
    {"unicode-1-1-utf-7", Kind::kOther, "UTF-7"},
    {"utf7", Kind::kOther, "UTF-7"},
    {"utf16", Kind::kOther, "UTF-16"},
    {"unicode", Kind::kOther, "UTF-16"},
};

const std::unordered_map<std::string_view, const Alias*>& AliasTable() {
  static const auto* table = [] {
    auto* made = new std::unordered_map<std::string_view, const Alias*>;  // lives as long as the process
    for (const Alias& alias : kAliases) made->emplace(alias.name, &alias);
    return made;
  }();
  return *table;
}

Decoded DecodeByConverter(const std::string& name, std::string_view octets) {
  UErrorCode error = U_ZERO_ERROR;
  const Converter converter(ucnv_open(name.c_str(), &error));
  SEKISHO_CHECK(U_SUCCESS(error));
  Decoded decoded;
  decoded.utf8.reserve(octets.size() + octets.size() / 2);
  std::array<UChar, 2048> units;
  const char* source = octets.data();
  const char* const source_end = source + octets.size();
  char32_t high = 0;  // a surrogate whose other half comes with the next piece
  for (;;) {
    UChar* target = units.data();
    error = U_ZERO_ERROR;
    ucnv_toUnicode(converter.get(), &target, units.data() + units.size(), &source, source_end, nullptr, true, &error);
    for (const UChar* unit = units.data(); unit != target; ++unit) {
      char32_t c = *unit;
      if (U16_IS_LEAD(c)) {
        high = c;
        continue;
      }
      if (U16_IS_TRAIL(c) && high != 0) c = U16_GET_SUPPLEMENTARY(high, c);
      high = 0;
      if (c == kReplacement) decoded.exact = false;
      AppendUtf8(decoded.utf8, c);
    }
    if (error != U_BUFFER_OVERFLOW_ERROR) break;
  }
  if (U_FAILURE(error)) decoded.exact = false;
  return decoded;
}

bool HasIso2022Escape(std::string_view octets) {
  for (size_t at = octets.find('\x1B'); at != std::string_view::npos; at = octets.find('\x1B', at + 1)) {
    const char next = at + 1 < octets.size() ? octets[at + 1] : '\0';
    if (next == '$' || next == '(' || next == '&') return true;
  }
  return false;
}

struct Shape {
  size_t wrong = 0;  // octets that have no place
  size_t kana = 0;   // hiragana and katakana: every real Japanese text has them
};

Shape ShapeAsShiftJis(std::string_view octets) {
  Shape shape;
  for (size_t at = 0; at < octets.size(); ++at) {
    const auto lead = static_cast<unsigned char>(octets[at]);
    if (lead < 0x80 || (lead >= 0xA1 && lead <= 0xDF)) continue;
    const auto trail =
        at + 1 < octets.size() ? static_cast<unsigned char>(octets[at + 1]) : static_cast<unsigned char>(0);
    if (lead == 0x80 || lead == 0xA0 || lead > 0xFC || trail < 0x40 || trail == 0x7F || trail > 0xFC) {
      ++shape.wrong;
      continue;
    }
    if ((lead == 0x82 && trail >= 0x9F) || (lead == 0x83 && trail <= 0x96)) ++shape.kana;
    ++at;
  }
  return shape;
}

Shape ShapeAsEucJp(std::string_view octets) {
  Shape shape;
  for (size_t at = 0; at < octets.size(); ++at) {
    const auto lead = static_cast<unsigned char>(octets[at]);
    if (lead < 0x80) continue;
    const auto next =
        at + 1 < octets.size() ? static_cast<unsigned char>(octets[at + 1]) : static_cast<unsigned char>(0);
    if ((lead == 0x8E || (lead >= 0xA1 && lead <= 0xFE)) && next >= 0xA1 && next <= 0xFE) {
      if (lead == 0xA4 || lead == 0xA5) ++shape.kana;
      ++at;
    } else if (lead != 0x8F) {
      ++shape.wrong;
    }
  }
  return shape;
}

// Converters that read ASCII octets as ASCII.
bool KeepsAscii(std::string_view converter) {
  static constexpr std::string_view kPrefixes[] = {"windows-", "iso-8859-", "gb18030", "Big5", "koi8-", "macintosh"};
  return std::any_of(std::begin(kPrefixes), std::end(kPrefixes),
                     [&](std::string_view prefix) { return converter.starts_with(prefix); });
}

// Whether octets that decode under `label` without a fault need no second opinion.
bool IsPlausible(const Charset& label, std::string_view octets, bool ascii, bool escapes) {
  if (escapes && label.kind != Kind::kIso2022Jp) return false;
  if (ascii) return label.kind != Kind::kOther || KeepsAscii(label.converter);
  if (label.kind == Kind::kUtf8 || label.kind == Kind::kIso2022Jp) return true;
  // Any octets fit a single-byte charset; hardly any that aren't UTF-8 fit UTF-8.
  return (label.kind == Kind::kShiftJis || label.kind == Kind::kEucJp) && !IsValidUtf8(octets);
}

}  // namespace

std::optional<Charset> FindCharset(std::string_view name) {
  const std::string lower = AsciiLower(AsciiTrim(name));
  if (const auto found = AliasTable().find(lower); found != AliasTable().end()) {
    return Charset{found->second->kind, found->second->converter};
  }
  if (lower.empty() || lower.size() > 40) return std::nullopt;
  // ICU takes options after a comma, and EBCDIC under many names; neither is meant in mail.
  const auto usual = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  };
  if (!std::all_of(lower.begin(), lower.end(), usual) || lower.starts_with("ibm-") || lower.starts_with("ebcdic")) {
    return std::nullopt;
  }
  UErrorCode error = U_ZERO_ERROR;
  const Converter converter(ucnv_open(lower.c_str(), &error));
  if (U_FAILURE(error)) return std::nullopt;
  return Charset{Kind::kOther, lower};
}

Decoded Decode(const Charset& charset, std::string_view octets) {
  Decoded decoded;
  switch (charset.kind) {
    case Kind::kAscii:
      decoded.exact = IsAscii(octets);
      if (decoded.exact) {
        decoded.utf8 = octets;
      } else {
        for (const char c : octets)
          AppendUtf8(decoded.utf8, static_cast<unsigned char>(c) < 0x80 ? static_cast<char32_t>(c) : kReplacement);
      }
      return decoded;
    case Kind::kUtf8:
      if (octets.starts_with("\xEF\xBB\xBF")) octets.remove_prefix(3);
      decoded.exact = IsValidUtf8(octets);
      decoded.utf8 = decoded.exact ? std::string(octets) : SanitizeUtf8(octets);
      return decoded;
    case Kind::kIso2022Jp:
      decoded.utf8.reserve(octets.size() + octets.size() / 2);
      decoded.exact = japanese::DecodeIso2022Jp(octets, true, decoded.utf8);
      return decoded;
    case Kind::kShiftJis:
      decoded.utf8.reserve(octets.size() + octets.size() / 2);
      decoded.exact = japanese::DecodeShiftJis(octets, decoded.utf8);
      return decoded;
    case Kind::kEucJp:
      decoded.utf8.reserve(octets.size() + octets.size() / 2);
      decoded.exact = japanese::DecodeEucJp(octets, decoded.utf8);
      return decoded;
    case Kind::kOther:
      if (KeepsAscii(charset.converter) && IsAscii(octets)) return {std::string(octets), true};
      return DecodeByConverter(charset.converter, octets);
  }
  SEKISHO_CHECK(false);
  return decoded;
}

Charset Detect(std::string_view octets) {
  if (octets.starts_with("\xEF\xBB\xBF")) return {Kind::kUtf8, ""};
  if (octets.starts_with("\xFE\xFF") || octets.starts_with("\xFF\xFE")) return {Kind::kOther, "UTF-16"};
  if (HasIso2022Escape(octets)) return {Kind::kIso2022Jp, ""};
  if (IsAscii(octets)) return {Kind::kAscii, ""};
  if (IsValidUtf8(octets)) return {Kind::kUtf8, ""};
  const Shape shift_jis = ShapeAsShiftJis(octets), euc_jp = ShapeAsEucJp(octets);
  // A few wrong octets don't make Japanese text Latin: kana decide.
  const auto likely = [&](const Shape& shape) { return shape.wrong == 0 || shape.kana > 8 * shape.wrong; };
  if (likely(euc_jp) &&
      (euc_jp.kana > shift_jis.kana || !likely(shift_jis) || (euc_jp.wrong == 0 && shift_jis.kana == 0))) {
    return {Kind::kEucJp, ""};
  }
  if (likely(shift_jis)) return {Kind::kShiftJis, ""};
  return {Kind::kOther, "windows-1252"};
}

bool IsReadAsItIs(std::string_view octets, std::string_view declared, std::span<const std::string> also) {
  const auto keeps = [](std::string_view name, bool ascii) {
    const std::optional<Charset> charset = FindCharset(name);
    return charset && (charset->kind == Kind::kUtf8 || (ascii && charset->kind == Kind::kAscii));
  };
  const bool ascii = IsAscii(octets);
  if ((!declared.empty() && !keeps(declared, ascii)) || octets.starts_with("\xEF\xBB\xBF") || HasIso2022Escape(octets))
    return false;
  if (!std::all_of(also.begin(), also.end(), [&](const std::string& name) { return keeps(name, ascii); })) return false;
  return ascii || IsValidUtf8(octets);
}

Readings ReadAll(std::string_view octets, std::string_view declared, std::span<const std::string> also) {
  Readings readings;
  const auto add = [&](std::string text) {
    if (std::find(readings.texts.begin(), readings.texts.end(), text) == readings.texts.end()) {
      readings.texts.push_back(std::move(text));
    }
  };
  const bool ascii = IsAscii(octets), escapes = HasIso2022Escape(octets);
  const std::optional<Charset> label = declared.empty() ? Charset{Kind::kAscii, ""} : FindCharset(declared);
  bool settled = false;
  if (label) {
    Decoded decoded = Decode(*label, octets);
    settled = decoded.exact && IsPlausible(*label, octets, ascii, escapes);
    // ASCII can't say what its escapes and 8-bit octets are; what they are detected as is the first reading then.
    if (label->kind != Kind::kAscii || settled) add(std::move(decoded.utf8));
  }
  for (const std::string& name : also) {
    if (const auto other = FindCharset(name); other && other != label) add(Decode(*other, octets).utf8);
  }
  if (!settled) {
    const Charset detected = Detect(octets);
    const size_t before = readings.texts.size();
    add(Decode(detected, octets).utf8);
    // A single-byte label and detection often differ in name only.
    readings.mismatch =
        !declared.empty() && (!label || detected.kind == Kind::kIso2022Jp || label->kind != Kind::kOther ||
                              (before > 0 && readings.texts.size() > before));
  }
  if (escapes && japanese::HasOpenLine(octets)) {
    std::string unreset;
    japanese::DecodeIso2022Jp(octets, false, unreset);
    add(std::move(unreset));
  }
  return readings;
}

}  // namespace sekisho::text
