#include "shared/smtp/data_decoder.h"

#include <array>

namespace sekisho::smtp {
namespace {

constexpr std::array<bool, 256> kSpecial = [] {
  std::array<bool, 256> table{};
  table['\r'] = table['\n'] = table['\0'] = true;
  return table;
}();

// How many octets from the front are plain text.
size_t PlainRun(std::string_view text) {
  size_t i = 0;
  while (i < text.size() && !kSpecial[static_cast<unsigned char>(text[i])]) ++i;
  return i;
}

constexpr char kBareCr[] = "the mail has a CR without LF; send CRLF line ends";
constexpr char kBareLf[] = "the mail has an LF without CR; send CRLF line ends";
constexpr char kNul[] = "the mail has a NUL octet; encode it";
constexpr char kLongLine[] = "the mail has a line longer than 998 octets; fold or encode it";

}  // namespace

void DataDecoder::Fail(Code code, const char* what) {
  if (defect_.ok()) defect_ = MakeError(code, what);
}

void DataDecoder::Put(char c, std::string& out) {
  if (defect_.ok()) out += c;
}

bool DataDecoder::Decode(std::string_view& input, std::string& out) {
  while (!input.empty()) {
    if (at_ == At::kText || at_ == At::kLineStart) {
      if (at_ == At::kLineStart && input.front() == '.') {
        at_ = At::kDot;
        input.remove_prefix(1);
        continue;
      }
      const size_t run = PlainRun(input);
      if (run > 0) {
        line_ += run;
        if (line_ > kLongestLine) Fail(Code::kLimit, kLongLine);
        if (defect_.ok()) out += input.substr(0, run);
        input.remove_prefix(run);
        at_ = At::kText;
        continue;
      }
    }
    const char c = input.front();
    input.remove_prefix(1);
    switch (at_) {
      case At::kLineStart:
      case At::kText:
        if (c == '\r') {
          at_ = At::kCr;
        } else if (c == '\n') {
          if (!normalize_) Fail(Code::kInvalid, kBareLf);
          if (defect_.ok()) out += "\r\n";
          line_ = 0;
          at_ = At::kText;  // a dot after it is text: only CRLF.CRLF ends
        } else {
          Fail(Code::kInvalid, kNul);
          at_ = At::kText;
        }
        break;
      case At::kCr:
        if (c == '\n') {
          if (defect_.ok()) out += "\r\n";
          line_ = 0;
          at_ = At::kLineStart;
        } else {
          Fail(Code::kInvalid, c == '\0' ? kNul : kBareCr);
          at_ = c == '\r' ? At::kCr : At::kText;
        }
        break;
      case At::kDot:
        if (c == '\r') {
          at_ = At::kDotCr;
        } else {
          // The dot is dropped: RFC 5321 §4.5.2. What follows is the line's first octet.
          if (c == '\n') {
            if (!normalize_) Fail(Code::kInvalid, kBareLf);
            if (defect_.ok()) out += ".\r\n";  // a line that is one dot, never an end
            line_ = 0;
            at_ = At::kText;
          } else {
            if (c == '\0') Fail(Code::kInvalid, kNul);
            Put(c, out);
            line_ = 1;
            at_ = At::kText;
          }
        }
        break;
      case At::kDotCr:
        if (c == '\n') return true;
        Fail(Code::kInvalid, kBareCr);
        at_ = c == '\r' ? At::kCr : At::kText;
        break;
    }
  }
  return false;
}

void ChunkChecker::Check(std::string_view octets) {
  while (!octets.empty() && defect_.ok()) {
    if (cr_ && octets.front() != '\n') {
      defect_ = MakeError(Code::kInvalid, kBareCr);
      return;
    }
    const size_t run = PlainRun(octets);
    line_ += run;
    if (line_ > kLongestLine) {
      defect_ = MakeError(Code::kLimit, kLongLine);
      return;
    }
    octets.remove_prefix(run);
    if (octets.empty()) return;
    const char c = octets.front();
    octets.remove_prefix(1);
    if (c == '\0') defect_ = MakeError(Code::kInvalid, kNul);
    else if (c == '\n' && !cr_) defect_ = MakeError(Code::kInvalid, kBareLf);
    cr_ = c == '\r';
    if (c == '\n') line_ = 0;
  }
}

void ChunkChecker::Finish() {
  if (defect_.ok() && cr_) defect_ = MakeError(Code::kInvalid, kBareCr);
}

}  // namespace sekisho::smtp
