#pragma once
// All keywords and patterns of a policy, compiled into one automaton and one RE2::Set: one pass each over a mail's text
// tells which of them occur; only for those are places looked up. Pure; immutable once built, safe for concurrent use.
//
// A keyword is found inside any text, but where it begins or ends with a letter of a script that parts words by spaces
// (Latin, Greek, Cyrillic) or with a digit, no letter (or digit) may go on there: "NDA" isn't found in "agenda", nor
// "123" in "1234"; 社外秘 is found in 弊社外秘密. A leading or trailing '*' lifts that: "confiden*". Spaces between
// ideographs don't count, so "社 外 秘" is 社外秘.
//
// Patterns are RE2's, without regard to case. RE2 can't be interrupted, so a text is searched in windows of kWindow
// octets, between which the time is looked at; a match is found wherever it begins if it ends within kLookAhead octets.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "services/policy/domain/keyword_automaton.h"
#include "services/policy/domain/mail_facts.h"
#include "shared/base/function_ref.h"
#include "shared/base/result.h"

namespace re2 {
class RE2;
}

namespace sekisho::policy {

struct Keyword {
  std::string text;         // normalised; empty: nothing can be found by it
  bool open_start = false;  // '*' in front
  bool open_end = false;    // '*' behind

  static Keyword Parse(std::string_view written);
  auto operator<=>(const Keyword&) const = default;
};

// Why `pattern` can't be used, with what to write instead; empty when it can.
std::string PatternProblem(const std::string& pattern);

struct Hit {
  uint32_t term = 0;   // keyword i is i; pattern i is keywords + i
  uint32_t piece = 0;  // index in the pieces scanned
  uint32_t begin = 0;  // offsets in the piece's text
  uint32_t end = 0;
};

class Matcher {
 public:
  // At most `keep` hits of each term are reported in each kind of part. Errors: kInvalid for a pattern that
  // PatternProblem refuses; kLimit when the patterns together are so large (kMaxSteps) that one window could take too
  // long.
  static Result<std::shared_ptr<const Matcher>> Build(std::vector<Keyword> keywords,
                                                      const std::vector<std::string>& patterns, uint32_t keep);
  ~Matcher();

  // Hits in no particular order. `out_of_time` is asked before the first pattern is looked for, and after every step
  // whose cost depends on a pattern. Errors: kLimit when it says yes.
  Result<std::vector<Hit>> Scan(std::span<const TextPiece> pieces, FunctionRef<bool()> out_of_time) const;

  size_t keywords() const { return keywords_.size(); }

  static constexpr size_t kWindow = 64 << 10;
  static constexpr size_t kLookAhead = 8 << 10;
  static constexpr int kMaxSteps = 20'000;  // of RE2's programs; at the worst 1.2 ns each for every octet

 private:
  class Collector;
  struct PatternSet;
  Matcher();
  void ScanKeywords(const TextPiece& piece, Collector& to) const;
  Status ScanPatterns(const TextPiece& piece, FunctionRef<bool()> out_of_time, Collector& to) const;
  struct Window {
    size_t begin, end, last_begin;  // matches that begin at `last_begin` or later are the next window's
  };
  Status Locate(std::string_view text, const Window& window, size_t pattern, size_t& next,
                FunctionRef<bool()> out_of_time, Collector& to) const;

  uint32_t keep_ = 1;
  std::vector<Keyword> keywords_;
  KeywordAutomaton automaton_;                  // over the distinct texts
  std::vector<std::vector<uint32_t>> of_text_;  // the keywords that an entry of the automaton stands for
  std::unique_ptr<PatternSet> patterns_;
};

}  // namespace sekisho::policy
