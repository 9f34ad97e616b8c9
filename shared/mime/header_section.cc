#include "shared/mime/header_section.h"

#include <algorithm>
#include <iterator>

#include "shared/base/bytes.h"

namespace sekisho::mime {
namespace {

constexpr size_t kMaxLine = 998;

bool IsBlank(char c) { return c == ' ' || c == '\t'; }
bool IsNameOctet(char c) { return c > 32 && c < 127 && c != ':'; }

// Controls that have no place in a field, other than those ISO-2022-JP shifts with.
bool IsStrayControl(char c) {
  const auto octet = static_cast<unsigned char>(c);
  return (octet < 0x20 && c != '\t' && c != '\r' && c != '\n' && c != 0x1B && c != 0x0E && c != 0x0F) || octet == 0x7F;
}

bool OnlyBlanks(std::string_view line) { return std::all_of(line.begin(), line.end(), IsBlank); }

// One line, without CRLF, that begins at raw[at] and ends before `end`.
std::string_view LineAt(std::string_view raw, size_t at, size_t end) {
  const std::string_view rest = raw.substr(at, end - at);
  return rest.substr(0, std::min(rest.find("\r\n"), rest.size()));
}

Result<RawField> ReadFirstLine(std::string_view raw, size_t at, std::string_view line, std::string_view place) {
  const size_t colon = line.find(':');
  if (IsBlank(line.front()))
    return Ambiguous(place, "the header begins with a continuation line; remove its leading blanks");
  if (colon == std::string_view::npos)
    return Ambiguous(place, "a header line has no colon; end the header with an empty line");
  const std::string_view name = line.substr(0, colon);
  if (name.empty() || !std::all_of(name.begin(), name.end(), IsNameOctet)) {
    return Ambiguous(place,
                     "a header line has blanks or other characters before its colon that a field name can't have");
  }
  return RawField{raw.substr(at, colon), {}, {at, at}};
}

}  // namespace

const RawField* HeaderSection::Find(std::string_view name) const {
  for (const RawField& field : fields) {
    if (AsciiEqualsIgnoreCase(field.name, name)) return &field;
  }
  return nullptr;
}

Error Ambiguous(std::string_view place, std::string_view what) {
  std::string detail(place);
  detail += ": ";
  detail += what;
  return MakeError(Code::kMalformed, std::move(detail));
}

Status CheckLines(std::string_view raw) {
  if (raw.find('\0') != std::string_view::npos)
    return Ambiguous("the mail", "it holds a NUL octet; encode the part in base64");
  for (size_t begin = 0; begin < raw.size();) {
    const size_t end = std::min(raw.find('\r', begin), raw.size());
    const std::string_view line = raw.substr(begin, end - begin);
    if (line.find('\n') != std::string_view::npos)
      return Ambiguous("the mail", "a line ends with LF alone; end lines with CRLF");
    if (line.size() > kMaxLine) return MakeError(Code::kLimit, "the mail: a line is longer than 998 octets");
    if (end < raw.size() && raw.substr(end, 2) != "\r\n")
      return Ambiguous("the mail", "a CR stands alone; end lines with CRLF");
    begin = end + 2;
  }
  return Ok();
}

Result<HeaderSection> SplitHeader(std::string_view raw, Range entity, const Limits& limits, std::string_view place) {
  HeaderSection section;
  section.fields.reserve(24);
  size_t at = entity.begin;
  while (at < entity.end) {
    const std::string_view line = LineAt(raw, at, entity.end);
    const size_t next = std::min(at + line.size() + 2, entity.end);
    if (line.empty()) {
      section.range = {entity.begin, at};
      section.body_begin = next;
      return section;
    }
    if (OnlyBlanks(line)) return Ambiguous(place, "a header line holds nothing but blanks; remove it");
    if (!section.fields.empty() && IsBlank(line.front())) {
      section.fields.back().range.end = next;
    } else {
      if (section.fields.size() == limits.fields)
        return MakeError(Code::kLimit, std::string(place) + ": too many header fields");
      SEKISHO_TRY(RawField field, ReadFirstLine(raw, at, line, place));
      field.range.end = next;
      section.fields.push_back(field);
    }
    RawField& field = section.fields.back();
    const size_t value = field.range.begin + field.name.size() + 1;
    field.value = raw.substr(value, at + line.size() - value);
    if (field.range.size() > limits.field_octets)
      return MakeError(Code::kLimit, std::string(place) + ": a header field is too long");
    if (next - entity.begin > limits.header_octets)
      return MakeError(Code::kLimit, std::string(place) + ": the header is too long");
    if (std::any_of(line.begin(), line.end(), IsStrayControl)) {
      return Ambiguous(place, "a header field holds a control character");
    }
    at = next;
  }
  section.range = {entity.begin, entity.end};
  section.body_begin = entity.end;
  return section;
}

Status CheckSingletons(const HeaderSection& section, bool is_message, std::string_view place) {
  static constexpr std::string_view kMessageFields[] = {"From",    "Sender", "Reply-To",   "To",          "Cc",
                                                        "Subject", "Date",   "Message-ID", "MIME-Version"};
  static constexpr std::string_view kContentFields[] = {"Content-Type", "Content-Transfer-Encoding",
                                                        "Content-Disposition", "Content-ID", "Content-Description"};
  const auto check = [&](std::string_view name) -> Status {
    const RawField* first = nullptr;
    for (const RawField& field : section.fields) {
      if (!AsciiEqualsIgnoreCase(field.name, name)) continue;
      if (first == nullptr) {
        first = &field;
      } else if (Unfold(first->value) != Unfold(field.value)) {
        return Ambiguous(place, std::string(name) + " is given twice with different values; keep one");
      }
    }
    return Ok();
  };
  if (is_message) {
    for (const std::string_view name : kMessageFields) SEKISHO_RETURN_IF_ERROR(check(name));
  }
  for (const std::string_view name : kContentFields) SEKISHO_RETURN_IF_ERROR(check(name));
  return Ok();
}

std::string Unfold(std::string_view value) {
  std::string out;
  out.reserve(value.size());
  for (const char c : AsciiTrim(value)) {
    if (c != '\r' && c != '\n') out += c;
  }
  return out;
}

}  // namespace sekisho::mime
