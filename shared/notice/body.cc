#include "shared/notice/body.h"

#include <algorithm>

#include "shared/base/bytes.h"
#include "shared/text/utf8.h"

namespace sekisho::notice {
namespace {

constexpr std::string_view kRule = "------------------------------------------------------------";
constexpr size_t kQuoteIndent = 2;
constexpr size_t kSubjectShown = 100;

}  // namespace

Language LanguageOf(std::string_view code, Language otherwise) {
  if (code == "ja") return Language::kJapanese;
  if (code == "en") return Language::kEnglish;
  return otherwise;
}

std::string Shown(std::string_view text, size_t characters) {
  return text::Shorten(text::ShowInvisible(text::SanitizeUtf8(AsciiTrim(text))), characters);
}

Body& Body::Line(std::string_view words, size_t indent) {
  if (gap_ && !text_.empty()) text_ += '\n';
  gap_ = false;
  text_.append(indent, ' ');
  text_ += Shown(words, kLongestLine);
  text_ += '\n';
  return *this;
}

Body& Body::Field(std::string_view label, std::string_view value, size_t indent) {
  if (AsciiTrim(value).empty()) return *this;
  return Line(std::string(label) + ": " + std::string(value), indent);
}

Body& Body::Fields(std::string_view label, const std::vector<std::string>& values, std::string_view more) {
  for (size_t i = 0; i < values.size() && i < kShownInList; ++i) Field(label, values[i]);
  if (values.size() > kShownInList) {
    Field(label, std::string(more) + " " + std::to_string(values.size() - kShownInList));
  }
  return *this;
}

Body& Body::Quote(std::string_view label, std::string_view words) {
  const std::string quoted = text::Shorten(text::SanitizeUtf8(AsciiTrim(words)), kLongestQuote);
  if (quoted.empty()) return *this;
  Line(std::string(label) + ":");
  for (size_t begin = 0; begin < quoted.size();) {
    const size_t end = std::min(quoted.find('\n', begin), quoted.size());
    Line(std::string_view(quoted).substr(begin, end - begin), kQuoteIndent);
    begin = end + 1;
  }
  return *this;
}

Body& Body::Gap() {
  gap_ = true;
  return *this;
}

std::string Bilingual(Language reader, const Body& japanese, const Body& english) {
  const bool japanese_first = reader == Language::kJapanese;
  const Body& first = japanese_first ? japanese : english;
  const Body& second = japanese_first ? english : japanese;
  return first.text() + "\n" + std::string(kRule) + "\n\n" + second.text();
}

std::string SubjectLine(std::string_view title, std::string_view about) {
  const std::string shown = Shown(about, kSubjectShown);
  return std::string(title) + (shown.empty() ? "" : ": " + shown);
}

}  // namespace sekisho::notice
