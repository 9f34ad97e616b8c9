#include "shared/smtp/reply.h"

#include <algorithm>

namespace sekisho::smtp {
namespace {

constexpr size_t kLongestText = 400;                     // of a line we send, well below RFC 5321's 512
constexpr size_t kLongestLine = 2000, kMostLines = 100;  // of a reply we read

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// RFC 3463 §2: class "." subject "." detail, each number of at most three digits.
size_t EnhancedLength(std::string_view text, char first) {
  if (text.size() < 5 || text[0] != first || text[1] != '.') return 0;
  size_t i = 2;
  for (int part = 0; part < 2; ++part) {
    const size_t begin = i;
    while (i < text.size() && IsDigit(text[i]) && i - begin < 3) ++i;
    if (i == begin) return 0;
    if (part == 0 && (i >= text.size() || text[i++] != '.')) return 0;
  }
  return i == text.size() || text[i] == ' ' ? i : 0;
}

struct Row {
  Code code;
  int reply;
  const char* enhanced;
};

// A test walks every code.
constexpr Row kTable[] = {
    {Code::kInvalid, 550, "5.6.0"},      {Code::kMalformed, 550, "5.6.0"},   {Code::kUnauthenticated, 535, "5.7.8"},
    {Code::kPermission, 550, "5.7.1"},   {Code::kNotFound, 550, "5.1.1"},    {Code::kExists, 550, "5.5.0"},
    {Code::kPrecondition, 503, "5.5.1"}, {Code::kLimit, 552, "5.3.4"},       {Code::kExhausted, 452, "4.3.1"},
    {Code::kUnavailable, 451, "4.3.0"},  {Code::kTimeout, 451, "4.4.2"},     {Code::kCancelled, 421, "4.3.2"},
    {Code::kCorrupt, 451, "4.3.0"},      {Code::kUnsupported, 504, "5.5.4"}, {Code::kInternal, 451, "4.3.0"},
};

}  // namespace

std::string Reply::Text() const {
  std::string text;
  for (const std::string& line : lines) text += (text.empty() ? "" : " ") + line;
  return text;
}

void AppendReply(const Reply& reply, std::string& out) {
  const size_t count = std::max<size_t>(reply.lines.size(), 1);  // a client waits for a line, whatever it says
  for (size_t i = 0; i < count; ++i) {
    out += std::to_string(reply.code);
    out += i + 1 < count ? '-' : ' ';
    if (!reply.enhanced.empty()) out.append(reply.enhanced).append(1, ' ');
    const std::string_view text = i < reply.lines.size() ? reply.lines[i] : std::string_view();
    for (const char c : text.substr(0, kLongestText)) out += c >= 0x20 && c < 0x7f ? c : '?';
    out += "\r\n";
  }
}

Reply ReplyTo(const Error& error) {
  // These details are for our own log.
  const bool ours = error.code == Code::kInternal || error.code == Code::kCorrupt || error.code == Code::kUnavailable;
  const std::string text = ours ? "a failure on our side; try again later" : error.detail;
  for (const Row& row : kTable) {
    if (row.code != error.code) continue;
    if (error.retry == Retry::kLater && row.reply >= 500) return {451, "4.3.0", text};
    return {row.reply, row.enhanced, text};
  }
  return {451, "4.3.0", text};
}

Result<ReplyParser::State> ReplyParser::Feed(std::string_view& input) {
  while (!input.empty()) {
    const size_t end = input.find('\n');
    line_ += input.substr(0, std::min(end, input.size()));
    if (line_.size() > kLongestLine) return MakeError(Code::kLimit, "a reply line is longer than 2000 octets");
    if (end == std::string_view::npos) {
      input = {};
      return State::kMore;
    }
    input.remove_prefix(end + 1);
    if (line_.empty() || line_.back() != '\r')
      return MakeError(Code::kMalformed, "a reply line does not end with CRLF");
    line_.pop_back();
    const std::string line = std::exchange(line_, {});
    SEKISHO_TRY(const State state, TakeLine(line));
    if (state == State::kDone) return state;
  }
  return State::kMore;
}

Result<ReplyParser::State> ReplyParser::TakeLine(std::string_view line) {
  const auto bad = [] { return MakeError(Code::kMalformed, "a reply is not as RFC 5321 has it"); };
  if (line.size() < 3 || !IsDigit(line[0]) || !IsDigit(line[1]) || !IsDigit(line[2]) || line[0] < '2' || line[0] > '5')
    return bad();
  if (line.find_first_of(std::string_view("\r\0", 2)) != std::string_view::npos) return bad();
  const int code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
  const bool last = line.size() == 3 || line[3] == ' ';
  if (!last && line[3] != '-') return bad();
  if (fresh_)
    reply_ = Reply();
  else if (code != reply_.code)
    return bad();
  if (reply_.lines.size() == kMostLines) return MakeError(Code::kLimit, "a reply has more than 100 lines");
  reply_.code = code;
  std::string_view text = line.size() > 4 ? line.substr(4) : std::string_view();
  if (const size_t enhanced = EnhancedLength(text, line[0]); enhanced > 0) {
    reply_.enhanced = text.substr(0, enhanced);
    text.remove_prefix(std::min(enhanced + 1, text.size()));
  }
  reply_.lines.emplace_back(text);
  fresh_ = last;
  return last ? State::kDone : State::kMore;
}

}  // namespace sekisho::smtp
