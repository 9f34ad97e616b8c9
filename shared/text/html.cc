#include "shared/text/html.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "shared/base/bytes.h"
#include "shared/text/html_entities.h"
#include "shared/text/utf8.h"

namespace sekisho::text {
namespace {

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsAlnum(char c) { return IsLetter(c) || (c >= '0' && c <= '9'); }
bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }

// Elements that begin and end a line.
bool IsBlock(std::string_view name) {
  static constexpr std::string_view kBlocks[] = {
      "address", "article", "aside", "blockquote", "body",       "br",     "caption", "center", "dd",
      "div",     "dl",      "dt",    "fieldset",   "figcaption", "figure", "footer",  "form",   "h1",
      "h2",      "h3",      "h4",    "h5",         "h6",         "head",   "header",  "hr",     "html",
      "legend",  "li",      "main",  "nav",        "ol",         "option", "p",       "pre",    "section",
      "select",  "table",   "tbody", "textarea",   "tfoot",      "thead",  "title",   "tr",     "ul"};
  return std::binary_search(std::begin(kBlocks), std::end(kBlocks), name);
}

bool IsLink(std::string_view attribute) {
  return attribute == "href" || attribute == "src" || attribute == "action" || attribute == "formaction" ||
         attribute == "data";
}

bool IsShown(std::string_view attribute) {
  return attribute == "alt" || attribute == "title" || attribute == "value" || attribute == "placeholder";
}

// Reads the reference at source[at] == '&'. Appends its character and moves behind it, or appends the ampersand.
void AppendReference(std::string_view source, size_t& at, std::string& to) {
  size_t end = at + 1;
  char32_t c = 0;
  if (end < source.size() && source[end] == '#') {
    const bool hex = end + 1 < source.size() && (source[end + 1] == 'x' || source[end + 1] == 'X');
    const size_t digits = end + (hex ? 2 : 1);
    for (end = digits; end < source.size(); ++end) {
      const char d = source[end];
      const int value = d >= '0' && d <= '9'          ? d - '0'
                        : hex && d >= 'a' && d <= 'f' ? d - 'a' + 10
                        : hex && d >= 'A' && d <= 'F' ? d - 'A' + 10
                                                      : -1;
      if (value < 0) break;
      c = std::min<char32_t>(c * (hex ? 16 : 10) + static_cast<char32_t>(value), 0x110000);
    }
    if (end == digits || c == 0) c = end == digits ? 0 : kReplacement;
  } else {
    while (end < source.size() && end - at <= 20 && IsAlnum(source[end])) ++end;
    c = FindEntity(source.substr(at + 1, end - at - 1));
    // Latin-1 names may lack the semicolon, and then be followed by anything.
    const bool closed = end < source.size() && source[end] == ';';
    if (c == 0 && !closed) {
      for (size_t shorter = std::min(end - 1, at + 7); c == 0 && shorter > at + 2; --shorter) {
        c = FindEntity(source.substr(at + 1, shorter - at - 1));
        if (c != 0) end = shorter;
      }
    }
    if (c >= 0x100 && !closed) c = 0;
  }
  if (c == 0) {
    to += '&';
    ++at;
    return;
  }
  AppendUtf8(to, c);
  at = end < source.size() && source[end] == ';' ? end + 1 : end;
}

std::string DecodeReferences(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t at = 0; at < source.size();) {
    if (source[at] == '&') {
      AppendReference(source, at, out);
    } else {
      out += source[at++];
    }
  }
  return out;
}

class Reader {
 public:
  explicit Reader(std::string_view source) : source_(source) {}

  HtmlText Run() {
    result_.text.reserve(source_.size());  // never touched unless needed; growing would need two copies
    while (at_ < source_.size()) {
      const char c = source_[at_];
      if (c == '<' && Markup()) continue;
      if (IsBlank(c)) {
        Blank(c);
        ++at_;
      } else if (c == '&') {
        std::string character;
        AppendReference(source_, at_, character);
        Text(character);
      } else {
        const size_t begin = at_++;
        while (at_ < source_.size() && source_[at_] != '<' && source_[at_] != '&' && !IsBlank(source_[at_])) ++at_;
        Text(source_.substr(begin, at_ - begin));
      }
    }
    return std::move(result_);
  }

 private:
  // Reads the tag, comment or declaration at at_; false when it is a literal "<".
  bool Markup() {
    if (rest_is_text_ || at_ + 1 >= source_.size()) return false;
    const char next = source_[at_ + 1];
    if (IsLetter(next)) return Tag(at_ + 1, false);
    if (next == '/' && at_ + 2 < source_.size() && IsLetter(source_[at_ + 2])) return Tag(at_ + 2, true);
    if (source_.substr(at_, 4) == "<!--") return Comment();
    if (next == '!' || next == '?' || next == '/') return SkipPast(">", at_ + 2);
    return false;
  }

  // Moves behind the next `end`. Without one, nothing from here on is markup: what a browser drops, we keep as text.
  bool SkipPast(std::string_view end, size_t from) {
    const size_t found = source_.find(end, from);
    if (found == std::string_view::npos) {
      rest_is_text_ = true;
      return false;
    }
    at_ = found + end.size();
    return true;
  }

  bool Comment() {
    const std::string_view rest = source_.substr(at_ + 4);
    if (rest.starts_with(">") || rest.starts_with("->")) {  // HTML 5 takes these for empty comments
      at_ += rest.front() == '>' ? 5 : 6;
      return true;
    }
    if (rest.starts_with("[if")) return SkipPast("]>", at_ + 4);  // what follows is shown by Outlook
    const size_t end = source_.find("--", at_ + 4);
    for (size_t dashes = end; dashes != std::string_view::npos; dashes = source_.find("--", dashes + 1)) {
      const std::string_view after = source_.substr(dashes + 2, 2);
      if (after.starts_with('>') || after == "!>") {
        at_ = dashes + (after.front() == '>' ? 3 : 4);
        return true;
      }
    }
    rest_is_text_ = true;
    return false;
  }

  bool Tag(size_t name_begin, bool closing) {
    size_t at = name_begin;
    while (at < source_.size() && !IsBlank(source_[at]) && source_[at] != '/' && source_[at] != '>') ++at;
    const std::string name = AsciiLower(source_.substr(name_begin, std::min<size_t>(at - name_begin, 32)));
    if (!Attributes(at)) {
      rest_is_text_ = true;
      return false;
    }
    at_ = at;
    if (IsBlock(name)) {
      Line();
    } else if (name == "td" || name == "th") {
      if (!closing) Cell();
    }
    if (name == "pre" || name == "textarea") preformatted_ = !closing;
    if (closing) return true;
    if (name == "script") result_.has_script = true;
    if (name == "script" || name == "style") SkipRaw(name);
    return true;
  }

  // Script and style end at their own end tag only.
  void SkipRaw(std::string_view name) {
    for (size_t end = source_.find("</", at_); end != std::string_view::npos; end = source_.find("</", end + 2)) {
      if (AsciiEqualsIgnoreCase(source_.substr(end + 2, name.size()), name)) {
        at_ = end;
        return;
      }
    }
    // No end: a browser shows nothing more, other readers may.
    rest_is_text_ = true;
  }

  // Reads attributes from `at` and moves it behind the ">"; false when there is none.
  bool Attributes(size_t& at) {
    std::vector<std::pair<std::string, std::string>> found;
    for (;;) {
      while (at < source_.size() && (IsBlank(source_[at]) || source_[at] == '/')) ++at;
      if (at >= source_.size()) return false;
      if (source_[at] == '>') break;
      const size_t begin = at++;
      while (at < source_.size() && !IsBlank(source_[at]) && source_[at] != '/' && source_[at] != '>' &&
             source_[at] != '=')
        ++at;
      const std::string_view name = source_.substr(begin, at - begin);
      size_t value = at;
      while (value < source_.size() && IsBlank(source_[value])) ++value;
      if (value >= source_.size() || source_[value] != '=') continue;
      ++value;
      while (value < source_.size() && IsBlank(source_[value])) ++value;
      if (value >= source_.size()) return false;
      size_t end;
      if (source_[value] == '"' || source_[value] == '\'') {
        end = source_.find(source_[value], value + 1);
        if (end == std::string_view::npos) return false;
        at = end + 1;
        ++value;
      } else {
        end = value;
        while (end < source_.size() && !IsBlank(source_[end]) && source_[end] != '>') ++end;
        at = end;
      }
      Attribute(AsciiLower(name.substr(0, 32)), source_.substr(value, end - value), found);
    }
    ++at;
    for (const auto& [name, value] : found) {
      if (IsLink(name)) {
        Link(value);
      } else {
        pending_space_ = true;
        Text(value);
        pending_space_ = true;
      }
    }
    return true;
  }

  void Attribute(const std::string& name, std::string_view value,
                 std::vector<std::pair<std::string, std::string>>& found) {
    if (name.size() > 2 && name.starts_with("on") && !value.empty()) result_.has_script = true;
    if (IsLink(name) || IsShown(name)) found.emplace_back(name, DecodeReferences(value));
  }

  void Link(std::string value) {
    // Browsers ignore controls and blanks inside a scheme.
    std::string scheme;
    for (const char c : value) {
      if (static_cast<unsigned char>(c) > ' ') scheme += c;
      if (scheme.size() == 16) break;
    }
    scheme = AsciiLower(scheme);
    if (scheme.starts_with("javascript:") || scheme.starts_with("vbscript:")) result_.has_script = true;
    if (scheme.starts_with("data:")) value.resize(std::min({value.find(','), value.size(), size_t{128}}));
    if (!value.empty()) result_.links.push_back(std::move(value));
  }

  void Blank(char c) {
    if (preformatted_ && c == '\n') {
      result_.text += '\n';
      pending_space_ = pending_break_ = false;
      return;
    }
    pending_space_ = true;
    pending_break_ |= c == '\n' || c == '\r';
  }

  void Line() {
    if (!result_.text.empty() && result_.text.back() != '\n') result_.text += '\n';
    pending_space_ = pending_break_ = false;
  }

  void Cell() {
    if (!result_.text.empty() && result_.text.back() != '\n' && result_.text.back() != '\t') result_.text += '\t';
    pending_space_ = pending_break_ = false;
  }

  void Text(std::string_view text) {
    if (text.empty()) return;
    if (pending_space_) {
      const bool at_edge = result_.text.empty() || result_.text.back() == '\n' || result_.text.back() == '\t';
      if (!at_edge && !(pending_break_ && BetweenIdeographs(text))) result_.text += ' ';
      pending_space_ = pending_break_ = false;
    }
    result_.text += text;
  }

  // A line break of the source between two ideographs shows nothing (CSS Text §4.1.3).
  bool BetweenIdeographs(std::string_view next) const {
    const std::string_view text = result_.text;
    size_t begin = text.size() - 1;
    while (begin > 0 && text.size() - begin < 4 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
    size_t first = 0;
    return IsIdeographic(NextCodePoint(text, begin)) && IsIdeographic(NextCodePoint(next, first));
  }

  std::string_view source_;
  size_t at_ = 0;
  HtmlText result_;
  bool rest_is_text_ = false;
  bool preformatted_ = false;
  bool pending_space_ = false, pending_break_ = false;
};

}  // namespace

HtmlText ReadHtml(std::string_view utf8) { return Reader(utf8).Run(); }

std::string MetaCharset(std::string_view octets) {
  const std::string head = AsciiLower(octets.substr(0, 1024));
  for (size_t meta = head.find("<meta"); meta != std::string::npos; meta = head.find("<meta", meta + 1)) {
    const std::string_view tag = std::string_view(head).substr(meta, head.find('>', meta) - meta);
    size_t at = tag.find("charset");
    if (at == std::string_view::npos) continue;
    at += 7;
    while (at < tag.size() && (IsBlank(tag[at]) || tag[at] == '=' || tag[at] == '"' || tag[at] == '\'')) ++at;
    size_t end = at;
    while (end < tag.size() && (IsAlnum(tag[end]) || tag[end] == '-' || tag[end] == '_' || tag[end] == '.')) ++end;
    return std::string(tag.substr(at, end - at));
  }
  return "";
}

}  // namespace sekisho::text
