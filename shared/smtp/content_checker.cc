#include "shared/smtp/content_checker.h"

#include <cstdint>
#include <cstring>

namespace sekisho::smtp {
namespace {

const char* Find(const char* begin, const char* end, char c) {
  return static_cast<const char*>(std::memchr(begin, c, static_cast<size_t>(end - begin)));
}

}  // namespace

const Status& ContentChecker::Fail(Code code, const char* what) {
  defect_ = MakeError(code, what);
  return defect_;
}

// memchr for each line end is several times faster than a look at every octet.
const Status& ContentChecker::Check(std::string_view octets) {
  if (!defect_.ok() || octets.empty()) return defect_;
  const char* at = octets.data();
  const char* const end = at + octets.size();
  if (Find(at, end, '\0') != nullptr) return Fail(Code::kInvalid, "the mail has a NUL octet; encode it");
  while (at != end) {
    if (cr_) {
      if (*at != '\n') break;
      cr_ = false;
      line_ = 0;
      ++at;
      continue;
    }
    const char* const lf = Find(at, end, '\n');
    const char* const cr = Find(at, lf == nullptr ? end : lf, '\r');
    const char* const text_end = cr != nullptr ? cr : lf != nullptr ? lf : end;
    line_ += static_cast<size_t>(text_end - at);
    if (line_ > kLongestLine)
      return Fail(Code::kLimit, "the mail has a line longer than 998 octets; fold or encode it");
    if (cr == nullptr && lf != nullptr)
      return Fail(Code::kInvalid, "the mail has an LF without CR; send CRLF line ends");
    cr_ = cr != nullptr;
    at = cr != nullptr ? cr + 1 : end;
  }
  if (at != end) return Fail(Code::kInvalid, "the mail has a CR without LF; send CRLF line ends");
  return defect_;
}

const Status& ContentChecker::Finish() {
  if (defect_.ok() && cr_) return Fail(Code::kInvalid, "the mail ends with a CR without LF; send CRLF line ends");
  return defect_;
}

bool HasOctetsOver127(std::string_view octets) {
  uint64_t seen = 0;
  size_t i = 0;
  for (; i + 8 <= octets.size(); i += 8) {
    uint64_t word = 0;
    std::memcpy(&word, octets.data() + i, 8);
    seen |= word;
    if ((i & 4095) == 0 && (seen & 0x8080808080808080u) != 0) return true;
  }
  for (; i < octets.size(); ++i) seen |= static_cast<unsigned char>(octets[i]);
  return (seen & 0x8080808080808080u) != 0;
}

}  // namespace sekisho::smtp
