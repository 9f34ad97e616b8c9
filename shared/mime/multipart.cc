#include "shared/mime/multipart.h"

#include <string.h>

#include <algorithm>
#include <string>

#include "shared/mime/header_section.h"

namespace sekisho::mime {
namespace {

// Finds lines that begin with "--" and the boundary.
class DelimiterFinder {
 public:
  DelimiterFinder(std::string_view raw, Range body, std::string_view boundary)
      : within_(raw.substr(0, body.end)), at_(body.begin), begin_(body.begin), sought_("\n--") {
    sought_ += boundary;
  }

  // The next such line's beginning, or npos.
  size_t Next() {
    if (at_ == begin_ && within_.substr(at_).starts_with(std::string_view(sought_).substr(1))) {
      at_ += sought_.size() - 1;
      return begin_;
    }
    // memmem looks at several octets at once; string_view::find stops at every line end, for each level of nesting.
    const std::string_view rest = within_.substr(at_ > begin_ ? at_ - 1 : at_);
    const void* const found = memmem(rest.data(), rest.size(), sought_.data(), sought_.size());
    if (found == nullptr) return std::string_view::npos;
    const size_t line = static_cast<size_t>(static_cast<const char*>(found) - within_.data()) + 1;
    at_ = line + sought_.size() - 1;
    return line;
  }

  // What follows the boundary on the line last found, and where the next line begins.
  std::string_view Rest() const {
    const std::string_view rest = within_.substr(at_);
    return rest.substr(0, std::min(rest.find("\r\n"), rest.size()));
  }
  size_t NextLine() const { return std::min(at_ + Rest().size() + 2, within_.size()); }

 private:
  std::string_view within_;
  size_t at_;
  const size_t begin_;
  std::string sought_;
};

}  // namespace

Result<Pieces> CutMultipart(std::string_view raw, Range body, std::string_view boundary, const Limits& limits,
                            std::string_view place) {
  Pieces pieces;
  DelimiterFinder finder(raw, body, boundary);
  size_t part_begin = 0;
  bool open = false, closed = false;
  for (size_t line = finder.Next(); line != std::string_view::npos; line = finder.Next()) {
    if (closed) return Ambiguous(place, "its boundary appears again behind the closing one");
    const std::string_view rest = finder.Rest();
    if (!rest.empty() && rest != "--") {
      return Ambiguous(place,
                       "a line begins with its boundary and goes on; choose a boundary that the content doesn't have");
    }
    if (open) {
      if (line < part_begin + 2) return Ambiguous(place, "two boundaries follow each other with nothing between");
      pieces.parts.push_back({part_begin, line - 2});
      if (pieces.parts.size() > limits.parts) return MakeError(Code::kLimit, std::string(place) + ": too many parts");
    } else {
      pieces.preamble = {body.begin, line};
    }
    open = true;
    part_begin = finder.NextLine();
    if (rest == "--") {
      closed = true;
      pieces.epilogue = {part_begin, body.end};
    }
  }
  if (!closed) return Ambiguous(place, "its closing boundary is missing; the mail may be cut off");
  if (pieces.parts.empty()) return Ambiguous(place, "a multipart has no parts");
  return pieces;
}

}  // namespace sekisho::mime
