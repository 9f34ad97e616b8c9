#include "shared/smtp/data_decoder.h"

#include <cstring>

namespace sekisho::smtp {

DataDecoder::Piece DataDecoder::Give(std::string_view content, bool ended) {
  if (!checker_.Check(content).ok()) content = {};
  if (ended && !checker_.Finish().ok()) content = {};
  return {content, ended};
}

DataDecoder::Piece DataDecoder::Next(std::string_view& input) {
  const char* begin = input.data();  // of the content to give
  const char* at = begin;
  const char* const end = begin + input.size();
  const auto give = [&](const char* to, std::string_view owed = {}) {
    input.remove_prefix(static_cast<size_t>(at - input.data()));
    owed_ = owed;
    return Give(std::string_view(begin, static_cast<size_t>(to - begin)));
  };
  if (!owed_.empty()) return Give(std::exchange(owed_, {}));
  while (at != end) {
    switch (at_) {
      case At::kLineStart:
      case At::kAfterLf:
        if (*at != '.') {
          at_ = At::kText;
          break;
        }
        at_ = at_ == At::kLineStart ? At::kDot : At::kDotAfterLf;
        ++at;
        return give(at - 1);  // all but the dot
      case At::kText:
      case At::kCr: {
        const auto* const lf = static_cast<const char*>(std::memchr(at, '\n', static_cast<size_t>(end - at)));
        if (lf == nullptr) {
          at_ = end[-1] == '\r' ? At::kCr : At::kText;
          at = end;
          break;
        }
        const bool after_cr = lf > at ? lf[-1] == '\r' : at_ == At::kCr;
        at = lf + 1;
        at_ = after_cr ? At::kLineStart : At::kText;
        if (after_cr || !normalize_) break;
        at_ = At::kAfterLf;
        return give(lf, "\r\n");
      }
      case At::kDot:
        if (*at == '\r') {
          at_ = At::kDotCr;
          begin = ++at;
        } else if (*at == '\n' && normalize_) {
          at_ = At::kAfterLf;
          begin = ++at;
          return give(at, ".\r\n");  // a line that is one dot: no end, as no CR is there
        } else {
          at_ = At::kText;
        }
        break;
      case At::kDotCr:
        if (*at == '\n') {
          input.remove_prefix(static_cast<size_t>(at + 1 - input.data()));
          at_ = At::kLineStart;
          return Give({}, true);
        }
        at_ = At::kText;
        return give(at, "\r");  // bare, which the checker sees
      case At::kDotAfterLf:
        at_ = At::kText;
        if (*at == '.') break;
        return give(at, ".");
    }
  }
  return give(end);
}

}  // namespace sekisho::smtp
