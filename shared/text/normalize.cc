#include "shared/text/normalize.h"

#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/utf16.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>

#include "shared/base/result.h"
#include "shared/text/japanese.h"
#include "shared/text/utf8.h"

namespace sekisho::text {
namespace {

// What a code point is after folding, beside an ordinary character.
constexpr char32_t kGone = 0x110000;
constexpr char32_t kLineEnd = 0x110001;

// Folds that Unicode leaves to us, on characters that NFKC_Casefold has been through.
char32_t FoldFurther(char32_t c) {
  if (c == ' ') return ' ';
  if (c < 0x80)
    return c == '\n' || c == '\r' || c == '\v' || c == '\f' ? kLineEnd
           : c == '\t'                                      ? ' '
           : c < 0x20 || c == 0x7F                          ? kGone
                                                            : c;
  if (c == 0x85 || c == 0x2028 || c == 0x2029) return kLineEnd;
  if (c < 0xA0 || (c >= 0xFFF9 && c <= 0xFFFB)) return kGone;
  if (c == 0x301C || c == 0x3030 || c == 0x2053) return '~';  // CP932 decoders differ in U+301C and U+FF5E
  if (c == 0x2212 || c == 0x2043 || c == 0x2500 || c == 0x2501) return '-';
  if (c == 0x30A0) return c;  // a dash by category, a letter's part by use
  if (c == 0x2800) return ' ';
  const auto category = u_charType(static_cast<UChar32>(c));
  if (category == U_SPACE_SEPARATOR) return ' ';
  if (category == U_DASH_PUNCTUATION) return '-';
  return c;
}

const UNormalizer2* Folding() {
  static const UNormalizer2* const instance = [] {
    UErrorCode error = U_ZERO_ERROR;
    const UNormalizer2* found = unorm2_getNFKCCasefoldInstance(&error);
    SEKISHO_CHECK(U_SUCCESS(error));
    return found;
  }();
  return instance;
}

constexpr size_t kMaxLines = 1 << 20;

// For each BMP character, the one it becomes by itself; or a noncharacter that stands for something else.
constexpr uint16_t kAsk16 = 0xFFFF;    // becomes several: ICU knows
constexpr uint16_t kJoins16 = 0xFDD1;  // may combine with the character before it
constexpr uint16_t kGone16 = 0xFFFE;
constexpr uint16_t kLineEnd16 = 0xFDD0;
using FoldTable = std::array<uint16_t, 0x10000>;

const FoldTable& GetTable() {
  static const std::unique_ptr<const FoldTable> table = [] {
    auto made = std::make_unique<FoldTable>();
    const UNormalizer2* folding = Folding();
    for (char32_t c = 0; c < 0x10000; ++c) {
      uint16_t& to = (*made)[c];
      if ((c >= 0xD800 && c < 0xE000) || (c >= 0xFDD0 && c < 0xFDF0) || c >= 0xFFFE) {
        to = kReplacement;
        continue;
      }
      if (!unorm2_hasBoundaryBefore(folding, static_cast<UChar32>(c))) {
        to = kJoins16;
        continue;
      }
      const auto unit = static_cast<UChar>(c);
      UChar folded[32];
      UErrorCode error = U_ZERO_ERROR;
      const int32_t size = unorm2_normalize(folding, &unit, 1, folded, 32, &error);
      if (U_FAILURE(error) || size != 1 || U16_IS_SURROGATE(folded[0])) {
        to = kAsk16;
        continue;
      }
      const char32_t further = FoldFurther(folded[0]);
      to = further == kGone ? kGone16 : further == kLineEnd ? kLineEnd16 : static_cast<uint16_t>(further);
    }
    return made;
  }();
  return *table;
}

class Folder {
 public:
  Folder(std::string_view source, Normalized& to, bool keep_lines, size_t limit = std::string::npos)
      : source_(source), to_(to), keep_lines_(keep_lines), limit_(limit), table_(GetTable()) {}

  // False when the result would be larger than the limit.
  bool Run() {
    to_.text.resize(std::min(source_.size(), limit_) + 64);
    Character current = source_.empty() ? Character() : Read(0);
    while (current.begin < source_.size() && size_ <= limit_) {
      if (current.code_point < 0x80 && !pending_space_ && !pending_line_ && size_ > 0) {
        const size_t end = CopyWord(current.begin);
        if (end != current.begin) {
          current = end < source_.size() ? Read(end) : Character{end, end, 0, 0};
          continue;
        }
      }
      // A character that the next one can't change is looked up; most text is nothing else.
      const bool next_is_ascii =
          current.end >= source_.size() || static_cast<unsigned char>(source_[current.end]) < 0x80;
      Character next;
      if (!next_is_ascii) next = Read(current.end);
      const uint16_t folded = current.folded;
      if (folded == kAsk16 || folded == kJoins16 || (!next_is_ascii && Joins(next))) {
        const size_t end = FoldRun(current.begin, current.end);
        current = end < source_.size() ? Read(end) : Character{end, end, 0, 0};
        continue;
      }
      if (folded == kLineEnd16) {
        EndLine(current.code_point == '\n');
      } else if (folded == ' ') {
        pending_space_ = true;
      } else if (folded != kGone16) {
        Emit(folded);
      }
      if (!next_is_ascii) {
        current = next;
      } else {
        current = current.end < source_.size() ? Read(current.end) : Character{current.end, current.end, 0, 0};
      }
    }
    to_.text.resize(size_);
    return size_ <= limit_;
  }

 private:
  struct Character {
    size_t begin = 0, end = 0;
    char32_t code_point = 0;
    uint16_t folded = 0;  // as the table has it
  };

  Character Read(size_t at) const {
    const auto* const octets = reinterpret_cast<const unsigned char*>(source_.data()) + at;
    const unsigned char lead = octets[0];
    if (lead < 0x80) return {at, at + 1, lead, table_[lead]};
    // Nearly all of Japanese: three octets, no surrogate, no overlong form.
    if (lead > 0xE0 && lead < 0xF0 && lead != 0xED && source_.size() - at >= 3 && (octets[1] & 0xC0) == 0x80 &&
        (octets[2] & 0xC0) == 0x80) {
      const char32_t c =
          static_cast<char32_t>(lead & 0x0F) << 12 | static_cast<char32_t>(octets[1] & 0x3F) << 6 | (octets[2] & 0x3F);
      return {at, at + 3, c, table_[c]};
    }
    size_t end = at;
    const char32_t c = NextCodePoint(source_, end);
    return {at, end, c, c < 0x10000 ? table_[c] : kAsk16};
  }

  // Copies ASCII from `at` as far as it is visible and what follows can't change it; returns where it stopped.
  size_t CopyWord(size_t at) {
    const size_t limit = at + std::min(source_.size() - at, to_.text.size() - size_);
    char* to = to_.text.data() + size_;
    const char* const begin = to;
    while (at + 1 < limit) {
      const uint16_t folded = table_[static_cast<unsigned char>(source_[at])];
      if ((static_cast<unsigned char>(source_[at]) | static_cast<unsigned char>(source_[at + 1])) >= 0x80 ||
          folded <= ' ' || folded >= 0x80)
        break;
      *to++ = static_cast<char>(folded);
      ++at;
    }
    if (to != begin) {
      last_ = static_cast<unsigned char>(to[-1]);
      size_ += static_cast<size_t>(to - begin);
    }
    return at;
  }

  // Whether the character may combine with the one before it.
  static bool Joins(const Character& c) {
    if (c.code_point < 0x10000) return c.folded == kJoins16;
    return !unorm2_hasBoundaryBefore(Folding(), static_cast<UChar32>(c.code_point));
  }

  // Folds by ICU from `begin`, whose first character ends at `at`, to the next boundary; returns where that is. Runs of
  // combining characters are cut at 256 octets, which no language needs and a hostile mail would use to cost time.
  size_t FoldRun(size_t begin, size_t at) {
    while (at - begin < 256 && at < source_.size()) {
      const Character next = Read(at);
      if (!Joins(next)) break;
      at = next.end;
    }
    run_.clear();
    for (size_t i = begin; i < at;) {
      const char32_t c = NextCodePoint(source_, i);
      if (c >= 0x10000) {
        run_.push_back(U16_LEAD(c));
        run_.push_back(U16_TRAIL(c));
      } else {
        run_.push_back(static_cast<UChar>(c));
      }
    }
    folded_.resize(run_.size() * 18 + 8);  // the longest expansion of one character (U+FDFA) is 18
    UErrorCode error = U_ZERO_ERROR;
    const int32_t size = unorm2_normalize(Folding(), run_.data(), static_cast<int32_t>(run_.size()), folded_.data(),
                                          static_cast<int32_t>(folded_.size()), &error);
    SEKISHO_CHECK(U_SUCCESS(error));
    for (int32_t i = 0; i < size;) {
      UChar32 c;
      U16_NEXT(folded_.data(), i, size, c);
      const char32_t further = FoldFurther(static_cast<char32_t>(c));
      if (further == kLineEnd) {
        EndLine(c == '\n');
      } else if (further == ' ') {
        pending_space_ = true;
      } else if (further != kGone) {
        Emit(further);
      }
    }
    return at;
  }

  void EndLine(bool counts) {
    pending_line_ = true;
    if (counts) ++pending_starts_;
  }

  void Emit(char32_t c) {
    if (to_.text.size() - size_ < 8) to_.text.resize(to_.text.size() * 2);
    if (pending_space_ || pending_line_) {
      const bool joined = pending_line_ && IsIdeographic(last_) && IsIdeographic(c);
      if (size_ > 0 && !joined) to_.text[size_++] = ' ';
      if (keep_lines_ && pending_starts_ > 0) StartLines();
      pending_space_ = pending_line_ = false;
      pending_starts_ = 0;
    } else if (c == 0x30FC && last_ >= '0' && last_ <= '9') {
      c = '-';  // the long-vowel sign is what a Japanese keyboard gives for a hyphen between digits
    }
    last_ = c;
    char* const to = to_.text.data() + size_;
    if (c < 0x80) {
      to[0] = static_cast<char>(c);
      size_ += 1;
    } else if (c >= 0x800 && c < 0x10000) {
      to[0] = static_cast<char>(0xE0 | c >> 12);
      to[1] = static_cast<char>(0x80 | (c >> 6 & 0x3F));
      to[2] = static_cast<char>(0x80 | (c & 0x3F));
      size_ += 3;
    } else {
      std::string octets;
      AppendUtf8(octets, c);
      std::copy(octets.begin(), octets.end(), to);
      size_ += octets.size();
    }
  }

  void StartLines() {
    const size_t room = kMaxLines - std::min(kMaxLines, to_.line_starts.size());
    to_.line_starts.insert(to_.line_starts.end(), std::min(room, pending_starts_), static_cast<uint32_t>(size_));
  }

  std::string_view source_;
  Normalized& to_;
  const bool keep_lines_;
  const size_t limit_;
  const FoldTable& table_;
  size_t size_ = 0;  // of the text written; to_.text is longer until the end
  bool pending_space_ = false, pending_line_ = false;
  size_t pending_starts_ = 0;
  char32_t last_ = 0;
  std::u16string run_, folded_;
};

}  // namespace

size_t Normalized::LineOf(size_t offset) const {
  const auto after = std::upper_bound(line_starts.begin(), line_starts.end(), offset);
  return static_cast<size_t>(after - line_starts.begin()) + 1;
}

std::optional<Normalized> NormalizeWithin(std::string_view utf8, size_t limit) {
  std::optional<Normalized> normalized(std::in_place);
  if (!Folder(utf8, *normalized, true, limit).Run()) normalized.reset();
  return normalized;
}

Normalized Normalize(std::string_view utf8) {
  Normalized normalized;
  Folder(utf8, normalized, true).Run();
  return normalized;
}

std::string NormalizeLine(std::string_view utf8) {
  Normalized normalized;
  Folder(utf8, normalized, false).Run();
  return std::move(normalized.text);
}

std::string DropIdeographSpaces(std::string_view normalized) {
  std::string out;
  out.reserve(normalized.size());
  char32_t last = 0;
  for (size_t at = 0; at < normalized.size();) {
    const size_t begin = at;
    const char32_t c = NextCodePoint(normalized, at);
    if (c == ' ' && at < normalized.size() && IsIdeographic(last)) {
      size_t next = at;
      if (IsIdeographic(NextCodePoint(normalized, next))) continue;
    }
    out.append(normalized.substr(begin, at - begin));
    last = c;
  }
  return out;
}

void WarmUp() {
  GetTable();
  japanese::WarmUp();
}

}  // namespace sekisho::text
