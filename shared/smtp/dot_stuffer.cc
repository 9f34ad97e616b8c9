#include "shared/smtp/dot_stuffer.h"

#include <algorithm>
#include <cstring>

#include "shared/smtp/content_checker.h"

namespace sekisho::smtp {
namespace {

constexpr size_t kMostPieces = 64, kMostOctets = 256 * 1024;

// The length of `text` up to the end of a line behind which a dot comes, or all of it.
size_t UpToDot(std::string_view text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    const auto* const lf = static_cast<const char*>(std::memchr(at, '\n', static_cast<size_t>(end - at)));
    if (lf == nullptr) break;
    at = lf + 1;
    if (at != end && *at == '.') return static_cast<size_t>(at - text.data());
  }
  return text.size();
}

}  // namespace

Result<DotStuffer> DotStuffer::Make(std::vector<std::string_view> content) {
  ContentChecker checker;
  bool over_127 = false;
  for (const std::string_view part : content) {
    SEKISHO_RETURN_IF_ERROR(checker.Check(part));
    over_127 = over_127 || HasOctetsOver127(part);
  }
  SEKISHO_RETURN_IF_ERROR(checker.Finish());
  DotStuffer stuffer(std::move(content));
  stuffer.has_octets_over_127_ = over_127;
  return stuffer;
}

bool DotStuffer::Next(std::vector<std::string_view>& pieces) {
  pieces.clear();
  size_t octets = 0;
  while (index_ < content_.size()) {
    const std::string_view rest = content_[index_].substr(offset_);
    if (rest.empty()) {
      ++index_;
      offset_ = 0;
      continue;
    }
    if (pieces.size() + 2 > kMostPieces || octets >= kMostOctets) return true;
    if (line_start_ && rest.front() == '.') pieces.push_back(".");
    const std::string_view run = rest.substr(0, UpToDot(rest.substr(0, kMostOctets)));
    pieces.push_back(run);
    offset_ += run.size();
    octets += run.size();
    last_ = run.back();
    line_start_ = last_ == '\n';
  }
  if (ended_) return false;
  ended_ = true;
  pieces.push_back(last_ == '\n' ? ".\r\n" : "\r\n.\r\n");
  return true;
}

}  // namespace sekisho::smtp
