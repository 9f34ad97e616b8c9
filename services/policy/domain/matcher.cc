#include "services/policy/domain/matcher.h"

#include <re2/re2.h>
#include <re2/set.h>

#include <algorithm>
#include <unordered_map>

#include "shared/text/utf8.h"

namespace sekisho::policy {
namespace {

using re2::RE2;

constexpr int64_t kSetOctets = 32 << 20;  // for its automaton, which grows as texts ask for it and is then begun anew
constexpr int64_t kOnePatternOctets = 2 << 20;
constexpr size_t kMaxPattern = 2000;

RE2::Options PatternOptions(int64_t octets) {
  RE2::Options options;
  options.set_case_sensitive(false);  // the text is case-folded
  options.set_dot_nl(true);
  options.set_log_errors(false);
  options.set_max_mem(octets);
  return options;
}

enum class Side { kOther, kLetter, kDigit };

// Scripts that part words by spaces. Normalised text has no upper case, and its digits are ASCII.
Side SideOf(char32_t c) {
  if (c >= U'0' && c <= U'9') return Side::kDigit;
  if ((c >= U'a' && c <= U'z') || (c >= 0xC0 && c <= 0x24F && c != 0xD7 && c != 0xF7) || (c >= 0x370 && c <= 0x52F)) {
    return Side::kLetter;
  }
  return Side::kOther;
}

char32_t CodePointBefore(std::string_view utf8, size_t end) {
  size_t begin = end - 1;
  while (begin > 0 && (static_cast<unsigned char>(utf8[begin]) & 0xC0) == 0x80) --begin;
  return text::NextCodePoint(utf8, begin);
}

// Whether a word goes on across `at`, 0 < at < size.
bool GoesOn(std::string_view text, size_t at) {
  const Side before = SideOf(CodePointBefore(text, at));
  size_t position = at;
  return before != Side::kOther && before == SideOf(text::NextCodePoint(text, position));
}

bool IsWhole(std::string_view text, size_t begin, size_t end, const Keyword& keyword) {
  return (keyword.open_start || begin == 0 || !GoesOn(text, begin)) &&
         (keyword.open_end || end == text.size() || !GoesOn(text, end));
}

// Whether DropIdeographSpaces could change anything: a space between octets that aren't ASCII.
bool HasWideSpace(std::string_view text) {
  for (size_t at = text.find(' ', 1); at != std::string_view::npos && at + 1 < text.size();
       at = text.find(' ', at + 1)) {
    if (static_cast<unsigned char>(text[at - 1]) >= 0x80 && static_cast<unsigned char>(text[at + 1]) >= 0x80)
      return true;
  }
  return false;
}

// Where an offset of `squeezed`, which is `full` without some spaces, lies in `full`. Offsets must be asked in
// ascending order.
class WayBack {
 public:
  WayBack(std::string_view full, std::string_view squeezed) : full_(full), squeezed_(squeezed) {}
  size_t Find(size_t offset) {
    while (at_ < offset) Step();
    // A dropped space belongs to what is before it.
    size_t full = full_at_;
    while (at_ < squeezed_.size() && full_[full] != squeezed_[at_]) ++full;
    return full;
  }

 private:
  void Step() {
    while (full_[full_at_] != squeezed_[at_]) ++full_at_;
    ++full_at_;
    ++at_;
  }
  std::string_view full_, squeezed_;
  size_t at_ = 0, full_at_ = 0;
};

Error TooSlow() { return MakeError(Code::kLimit, "the patterns took longer than a mail may take"); }

}  // namespace

Keyword Keyword::Parse(std::string_view written) {
  Keyword keyword;
  std::string normal = text::NormalizeLine(written);
  std::string_view rest = normal;
  while (rest.starts_with('*') || rest.starts_with(' ')) {
    keyword.open_start |= rest.front() == '*';
    rest.remove_prefix(1);
  }
  while (rest.ends_with('*') || rest.ends_with(' ')) {
    keyword.open_end |= rest.back() == '*';
    rest.remove_suffix(1);
  }
  keyword.text = text::DropIdeographSpaces(rest);
  return keyword;
}

std::string PatternProblem(const std::string& pattern) {
  if (pattern.empty()) return "the pattern is empty; write what to look for";
  if (pattern.size() > kMaxPattern)
    return "the pattern is longer than " + std::to_string(kMaxPattern) + " octets; split it";
  const RE2 compiled(pattern, PatternOptions(kOnePatternOctets));
  if (!compiled.ok()) {
    return "not a pattern that RE2 takes (" + compiled.error() +
           "); look-around and back references are not available: https://github.com/google/re2/wiki/Syntax";
  }
  if (RE2::PartialMatch("", compiled))
    return "the pattern also matches nothing at all, so it would hit every mail; ask for a character with '+'";
  // The text has been through NFKC: a full-width letter, say, is never there to be found.
  for (size_t at = 0; at < pattern.size();) {
    const size_t begin = at;
    const char32_t point = text::NextCodePoint(pattern, at);
    if (point < 0x80) continue;
    const std::string written = pattern.substr(begin, at - begin);
    const std::string normal = text::NormalizeLine(written);
    if (normal != written && text::NormalizeLine("x" + written + "x") != "x" + written + "x") {
      return "'" + text::ShowInvisible(written) + "' never occurs in the text patterns see" +
             (normal.empty() ? "; leave it out" : "; write '" + normal + "'");
    }
  }
  return {};
}

// Keeps the first `keep` hits of each term in each kind of part.
class Matcher::Collector {
 public:
  Collector(size_t terms, uint32_t keep) : terms_(terms), keep_(keep) {}

  void Begin(TextPart part, uint32_t piece) { part_ = static_cast<size_t>(part) % kParts, piece_ = piece; }
  bool Wants(uint32_t term) const { return counts_.empty() || counts_[term * kParts + part_] < keep_; }
  void Add(uint32_t term, size_t begin, size_t end) {
    if (counts_.empty()) counts_.assign(terms_ * kParts, 0);
    if (!Wants(term)) return;
    ++counts_[term * kParts + part_];
    hits_.push_back({term, piece_, static_cast<uint32_t>(begin), static_cast<uint32_t>(end)});
  }
  std::vector<Hit> Take() { return std::move(hits_); }

 private:
  static constexpr size_t kParts = v1::ContentCondition::Part_ARRAYSIZE;
  const size_t terms_;
  const uint32_t keep_;
  size_t part_ = 0;
  uint32_t piece_ = 0;
  std::vector<uint32_t> counts_;  // by term and part; empty before the first hit, as in most mails
  std::vector<Hit> hits_;
};

struct Matcher::PatternSet {
  RE2::Set all{PatternOptions(kSetOctets), RE2::UNANCHORED};
  std::vector<std::unique_ptr<RE2>> each;  // for places
};

Matcher::Matcher() = default;
Matcher::~Matcher() = default;

Result<std::shared_ptr<const Matcher>> Matcher::Build(std::vector<Keyword> keywords,
                                                      const std::vector<std::string>& patterns, uint32_t keep) {
  std::shared_ptr<Matcher> matcher(new Matcher);
  matcher->keep_ = std::max(keep, 1u);
  matcher->keywords_ = std::move(keywords);
  std::unordered_map<std::string, size_t> index_of;
  std::vector<std::string> texts;
  for (uint32_t i = 0; i < matcher->keywords_.size(); ++i) {
    const auto [entry, is_new] = index_of.try_emplace(matcher->keywords_[i].text, texts.size());
    if (is_new) {
      texts.push_back(entry->first);
      matcher->of_text_.emplace_back();
    }
    matcher->of_text_[entry->second].push_back(i);
  }
  matcher->automaton_ = KeywordAutomaton(texts);
  if (patterns.empty()) return std::shared_ptr<const Matcher>(std::move(matcher));

  matcher->patterns_ = std::make_unique<PatternSet>();
  int steps = 0;
  for (const std::string& pattern : patterns) {
    auto& one =
        matcher->patterns_->each.emplace_back(std::make_unique<RE2>(pattern, PatternOptions(kOnePatternOctets)));
    if (!one->ok()) return MakeError(Code::kInvalid, "a pattern does not compile");
    if (matcher->patterns_->all.Add(pattern, nullptr) < 0)
      return MakeError(Code::kInvalid, "a pattern does not compile");
    steps += one->ProgramSize();
  }
  if (steps > kMaxSteps || !matcher->patterns_->all.Compile()) {
    return MakeError(Code::kLimit,
                     "the patterns together are too costly to search for; shorten repetitions such as {300}");
  }
  return std::shared_ptr<const Matcher>(std::move(matcher));
}

Result<std::vector<Hit>> Matcher::Scan(std::span<const TextPiece> pieces, FunctionRef<bool()> out_of_time) const {
  Collector collector(keywords_.size() + (patterns_ ? patterns_->each.size() : 0), keep_);
  for (uint32_t i = 0; i < pieces.size(); ++i) {
    if (pieces[i].text->text.size() > std::numeric_limits<int32_t>::max())
      return MakeError(Code::kLimit, "a text is too long to search");
    collector.Begin(pieces[i].part, i);
    ScanKeywords(pieces[i], collector);
  }
  if (patterns_ && out_of_time()) return TooSlow();
  for (uint32_t i = 0; patterns_ && i < pieces.size(); ++i) {
    collector.Begin(pieces[i].part, i);
    SEKISHO_RETURN_IF_ERROR(ScanPatterns(pieces[i], out_of_time, collector));
  }
  return collector.Take();
}

void Matcher::ScanKeywords(const TextPiece& piece, Collector& to) const {
  const std::string& full = piece.text->text;
  if (!HasWideSpace(full)) {
    automaton_.Scan(full, [&](uint32_t index, size_t begin, size_t end) {
      for (const uint32_t keyword : of_text_[index]) {
        if (IsWhole(full, begin, end, keywords_[keyword])) to.Add(keyword, begin, end);
      }
    });
    return;
  }
  const std::string squeezed = text::DropIdeographSpaces(full);
  WayBack way_to_end(full, squeezed);
  automaton_.Scan(squeezed, [&](uint32_t index, size_t begin, size_t end) {
    for (const uint32_t keyword : of_text_[index]) {
      if (!to.Wants(keyword) || !IsWhole(squeezed, begin, end, keywords_[keyword])) continue;
      // Occurrences come by ascending end; a begin is looked up from scratch backwards, over the keyword's own octets.
      size_t full_end = way_to_end.Find(end - 1) + 1;
      size_t full_begin = full_end;
      for (size_t left = end - begin; left > 0; --full_begin)
        left -= full[full_begin - 1] == squeezed[begin + left - 1];
      to.Add(keyword, full_begin, full_end);
    }
  });
}

Status Matcher::ScanPatterns(const TextPiece& piece, FunctionRef<bool()> out_of_time, Collector& to) const {
  const std::string_view text = piece.text->text;
  std::vector<size_t> next;  // of each pattern: where its next match may begin
  std::vector<int> which;
  for (size_t begin = 0; begin < text.size(); begin += kWindow - kLookAhead) {
    const std::string_view window = text.substr(begin, kWindow);
    const bool is_last = begin + window.size() == text.size();
    RE2::Set::ErrorInfo error{};
    const bool matched = patterns_->all.Match({window.data(), window.size()}, &which, &error);
    if (error.kind != RE2::Set::kNoError) return MakeError(Code::kLimit, "the patterns need too much memory");
    if (out_of_time()) return TooSlow();
    if (matched) {
      next.resize(patterns_->each.size(), 0);
      const Window bounds{begin, begin + window.size(), is_last ? text.size() : begin + kWindow - kLookAhead};
      for (const int index : which) {
        SEKISHO_RETURN_IF_ERROR(
            Locate(text, bounds, static_cast<size_t>(index), next[static_cast<size_t>(index)], out_of_time, to));
      }
    }
    if (is_last) break;
  }
  return Ok();
}

// The matches of one pattern that begin in `window`, each judged with the whole text around it.
Status Matcher::Locate(std::string_view text, const Window& window, size_t pattern, size_t& next,
                       FunctionRef<bool()> out_of_time, Collector& to) const {
  const uint32_t term = static_cast<uint32_t>(keywords_.size() + pattern);
  next = std::max(next, window.begin);
  while (next < window.last_begin && to.Wants(term)) {
    re2::StringPiece found;
    const bool matched =
        patterns_->each[pattern]->Match({text.data(), text.size()}, next, window.end, RE2::UNANCHORED, &found, 1);
    if (out_of_time()) return TooSlow();
    if (!matched) break;
    const size_t begin = static_cast<size_t>(found.data() - text.data());
    if (begin >= window.last_begin) break;
    to.Add(term, begin, begin + found.size());
    next = std::max(begin + found.size(), begin + 1);
  }
  return Ok();
}

}  // namespace sekisho::policy
