#include "shared/mime/parameters.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "shared/base/bytes.h"
#include "shared/mime/encoded_word.h"
#include "shared/mime/header_section.h"
#include "shared/mime/transfer_encoding.h"
#include "shared/text/charset.h"

namespace sekisho::mime {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t'; }

// RFC 2045 §5.1; octets over 127 only in values, which are read as UTF-8 here.
bool IsToken(char c) {
  return c > 32 && c < 127 && std::string_view("()<>@,;:\\\"/[]?=").find(c) == std::string_view::npos;
}

bool IsName(std::string_view attribute) { return attribute == "name" || attribute == "filename"; }

// A parameter as written.
struct Written {
  std::string attribute;  // lower case, with its RFC 2231 marks
  std::string value;
  bool quoted = false;
};

// An attribute taken apart: "filename*1*" → filename, 1, extended.
struct Marks {
  std::string base;
  std::optional<size_t> index;
  bool extended = false;
};

std::optional<Marks> ReadMarks(std::string_view attribute) {
  Marks marks;
  const size_t star = attribute.find('*');
  marks.base = attribute.substr(0, star);
  if (star == std::string_view::npos) return marks;
  std::string_view rest = attribute.substr(star + 1);
  if (rest.empty()) {
    marks.extended = true;
    return marks;
  }
  if (rest.ends_with('*')) {
    marks.extended = true;
    rest.remove_suffix(1);
  }
  if (rest.empty() || rest.size() > 3 ||
      !std::all_of(rest.begin(), rest.end(), [](char c) { return c >= '0' && c <= '9'; }) ||
      (rest.size() > 1 && rest.front() == '0')) {
    return std::nullopt;
  }
  size_t index = 0;
  for (const char c : rest) index = index * 10 + static_cast<size_t>(c - '0');
  marks.index = index;
  return marks;
}

std::string DecodePercent(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '%' && at + 2 < text.size() && HexValue(text[at + 1]) >= 0 && HexValue(text[at + 2]) >= 0) {
      out += static_cast<char>(HexValue(text[at + 1]) * 16 + HexValue(text[at + 2]));
      at += 2;
    } else {
      out += text[at];
    }
  }
  return out;
}

class Parser {
 public:
  Parser(std::string_view line, std::string_view place, std::string_view what)
      : line_(line), place_(place), what_(what) {}

  Result<ParameterizedValue> Run() {
    ParameterizedValue result;
    SEKISHO_RETURN_IF_ERROR(ReadValue(result));
    std::vector<Written> written;
    SEKISHO_RETURN_IF_ERROR(ReadWritten(written));
    SEKISHO_RETURN_IF_ERROR(Sort(written, result));
    return result;
  }

 private:
  Error Wrong(std::string_view problem) const {
    return Ambiguous(place_, std::string(what_) + " " + std::string(problem));
  }

  void SkipBlanks() {
    while (at_ < line_.size() && IsBlank(line_[at_])) ++at_;
  }

  Status ReadValue(ParameterizedValue& result) {
    const size_t end = std::min(line_.find(';'), line_.size());
    const std::string_view value = AsciiTrim(line_.substr(0, end));
    if (value.find('(') != std::string_view::npos) return Wrong("holds a comment; remove it");
    if (value.empty() || !std::all_of(value.begin(), value.end(), [](char c) { return IsToken(c) || c == '/'; })) {
      return Wrong("can't be read; write it as RFC 2045 says");
    }
    result.value = AsciiLower(value);
    at_ = end;
    return Ok();
  }

  Status ReadWritten(std::vector<Written>& written) {
    for (;;) {
      SkipBlanks();
      if (at_ >= line_.size()) return Ok();
      if (line_[at_] != ';') return Wrong("lacks a semicolon between parameters");
      ++at_;
      SkipBlanks();
      if (at_ >= line_.size() || line_[at_] == ';') continue;
      if (written.size() == 1000)
        return MakeError(Code::kLimit, std::string(place_) + ": " + std::string(what_) + " has too many parameters");
      Written parameter;
      const size_t begin = at_;
      while (at_ < line_.size() && IsToken(line_[at_])) ++at_;
      parameter.attribute = AsciiLower(line_.substr(begin, at_ - begin));
      if (at_ < line_.size() && line_[at_] == '(') return Wrong("holds a comment; remove it");
      if (parameter.attribute.empty() || at_ >= line_.size() || line_[at_] != '=')
        return Wrong("has a parameter without a value, or blanks before its \"=\"");
      ++at_;
      if (at_ < line_.size() && IsBlank(line_[at_])) return Wrong("has blanks behind the \"=\" of a parameter");
      if (at_ < line_.size() && line_[at_] == '"') {
        SEKISHO_RETURN_IF_ERROR(ReadQuoted(parameter));
      } else {
        SEKISHO_RETURN_IF_ERROR(ReadBare(parameter));
      }
      written.push_back(std::move(parameter));
    }
  }

  Status ReadQuoted(Written& parameter) {
    parameter.quoted = true;
    bool escaped = false;
    for (++at_; at_ < line_.size(); ++at_) {
      const char c = line_[at_];
      if (c == '"') break;
      if (c == '\\' && at_ + 1 < line_.size()) {
        // Windows clients write paths without escaping their backslashes.
        const char next = line_[at_ + 1];
        escaped = true;
        if (next == '"' || next == '\\') {
          parameter.value += next;
          ++at_;
          continue;
        }
      }
      parameter.value += c;
    }
    if (at_ >= line_.size()) return Wrong("has a quote that doesn't end");
    ++at_;
    SkipBlanks();
    if (at_ < line_.size() && line_[at_] == '(') return Wrong("holds a comment; remove it");
    if (at_ < line_.size() && line_[at_] != ';') return Wrong("has text behind a quoted parameter");
    if (escaped && !IsName(BaseOf(parameter.attribute)))
      return Wrong("escapes characters in a parameter that isn't a name");
    return Ok();
  }

  Status ReadBare(Written& parameter) {
    const size_t end = std::min(line_.find(';', at_), line_.size());
    parameter.value = AsciiTrim(line_.substr(at_, end - at_));
    at_ = end;
    if (IsName(BaseOf(parameter.attribute))) {
      if (parameter.value.find('"') != std::string::npos) return Wrong("has a quote in the middle of a name");
      return Ok();
    }
    // What all readers take up to the semicolon though it should be quoted.
    const auto usual = [](char c) {
      return IsToken(c) || std::string_view("=/:?@[]").find(c) != std::string_view::npos;
    };
    if (parameter.value.find('(') != std::string::npos) return Wrong("holds a comment; remove it");
    if (parameter.value.empty() || !std::all_of(parameter.value.begin(), parameter.value.end(), usual)) {
      return Wrong("has a parameter that must be quoted");
    }
    return Ok();
  }

  static std::string_view BaseOf(std::string_view attribute) { return attribute.substr(0, attribute.find('*')); }

  // Parts names from structure, joins and decodes the names.
  Status Sort(const std::vector<Written>& written, ParameterizedValue& result) {
    std::vector<std::string> extended, joined, plain;
    std::map<std::string, std::map<size_t, std::pair<Written, bool>>> pieces;
    for (const Written& parameter : written) {
      const std::optional<Marks> marks = ReadMarks(parameter.attribute);
      if (!marks) return Wrong("has a parameter with marks that RFC 2231 doesn't know");
      if (!IsName(marks->base)) {
        if (marks->extended || marks->index) return Wrong("splits or encodes a parameter that isn't a name");
        if (result.Has(marks->base)) {
          if (result.Find(marks->base) != parameter.value)
            return Wrong("gives a parameter twice with different values");
          continue;
        }
        result.parameters.push_back({marks->base, parameter.value});
      } else if (marks->index) {
        const auto [place, fresh] = pieces[marks->base].try_emplace(*marks->index, parameter, marks->extended);
        if (!fresh && place->second.first.value != parameter.value) return Wrong("gives a piece of a name twice");
      } else if (marks->extended) {
        extended.push_back(DecodeExtended(parameter.value));
      } else {
        plain.push_back(DecodeWords(parameter.value));
      }
    }
    for (const auto& [base, by_index] : pieces) {
      if (by_index.rbegin()->first != by_index.size() - 1)
        return Wrong("gives a name in pieces of which one is missing");
      joined.push_back(Join(by_index));
    }
    for (auto* list : {&extended, &joined, &plain}) {
      for (std::string& name : *list) {
        if (!name.empty() && std::find(result.names.begin(), result.names.end(), name) == result.names.end()) {
          result.names.push_back(std::move(name));
        }
      }
    }
    return Ok();
  }

  // charset'language'text (RFC 2231 §4).
  static std::string DecodeExtended(std::string_view value) {
    const size_t first = value.find('\''),
                 second = first == std::string_view::npos ? first : value.find('\'', first + 1);
    if (second == std::string_view::npos) return text::ReadAll(DecodePercent(value), "").texts.front();
    return text::ReadAll(DecodePercent(value.substr(second + 1)), value.substr(0, first)).texts.front();
  }

  static std::string Join(const std::map<size_t, std::pair<Written, bool>>& pieces) {
    std::string charset, octets;
    bool any_extended = false;
    for (const auto& [index, piece] : pieces) {
      std::string_view value = piece.first.value;
      if (piece.second) {
        any_extended = true;
        if (index == 0) {
          const size_t first = value.find('\''),
                       second = first == std::string_view::npos ? first : value.find('\'', first + 1);
          if (second != std::string_view::npos) {
            charset = value.substr(0, first);
            value = value.substr(second + 1);
          }
        }
        octets += DecodePercent(value);
      } else {
        octets += value;
      }
    }
    // Some clients split an RFC 2047 name in RFC 2231's way.
    return any_extended ? text::ReadAll(octets, charset).texts.front() : DecodeWords(octets);
  }

  std::string_view line_, place_, what_;
  size_t at_ = 0;
};

}  // namespace

std::string_view ParameterizedValue::Find(std::string_view name) const {
  for (const Parameter& parameter : parameters) {
    if (parameter.name == name) return parameter.value;
  }
  return "";
}

bool ParameterizedValue::Has(std::string_view name) const {
  return std::any_of(parameters.begin(), parameters.end(),
                     [&](const Parameter& parameter) { return parameter.name == name; });
}

Result<ParameterizedValue> ReadParameters(std::string_view raw_value, std::string_view place, std::string_view what) {
  bool had_raw = false;
  const std::string line = ToUtf8(raw_value, had_raw);
  SEKISHO_TRY(ParameterizedValue value, Parser(line, place, what).Run());
  value.had_raw = had_raw;
  return value;
}

}  // namespace sekisho::mime
