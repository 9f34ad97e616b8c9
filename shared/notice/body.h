#pragma once
// The text of a system mail, line by line. Nothing that is put in can end a line, begin one or hide: line breaks, NUL
// and invisible characters are shown ("[U+000A]"), octets that aren't UTF-8 become U+FFFD, and what is too long is cut
// with "…". So a subject, a file's name or a peer's reply is given as it came. Pure.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sekisho::notice {

enum class Language { kJapanese, kEnglish };
// Of "ja" and "en"; of anything else, `otherwise`.
Language LanguageOf(std::string_view code, Language otherwise);

// `text` as one line of at most `characters`, in the way above.
std::string Shown(std::string_view text, size_t characters);

inline constexpr size_t kLongestLine = 1000;   // characters
inline constexpr size_t kLongestQuote = 2000;  // characters of one quotation
inline constexpr size_t kShownInList = 20;     // entries

// What is said in one language. `indent` is in columns.
class Body {
 public:
  Body& Line(std::string_view words, size_t indent = 0);
  // "label: value"; nothing when there is no value.
  Body& Field(std::string_view label, std::string_view value, size_t indent = 0);
  // A field for each value; when they are many, the rest as "label: more 280".
  Body& Fields(std::string_view label, const std::vector<std::string>& values, std::string_view more);
  // Somebody's words with the line breaks they made, indented; nothing when they are blank.
  Body& Quote(std::string_view label, std::string_view words);
  // An empty line before what comes next, if anything does; never two, never at the start.
  Body& Gap();

  const std::string& text() const { return text_; }  // lines ended by LF

 private:
  std::string text_;
  bool gap_ = false;
};

// Both, the reader's first.
std::string Bilingual(Language reader, const Body& japanese, const Body& english);

// "title: about"; `about` is the subject of the mail that the letter is about, and may be empty.
std::string SubjectLine(std::string_view title, std::string_view about);

}  // namespace sekisho::notice
