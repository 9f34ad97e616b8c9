#include "shared/mime/editor.h"

#include <algorithm>
#include <utility>

#include "shared/base/bytes.h"
#include "shared/mime/encoded_word.h"
#include "shared/text/utf8.h"

namespace sekisho::mime {
namespace {

constexpr size_t kGoodLine = 78, kMaxLine = 998;  // RFC 5322 §2.1.1

bool IsBlank(char c) { return c == ' ' || c == '\t'; }

// Folds before words; false when a line would be too long all the same.
bool Fold(std::string_view value, std::string& field) {
  size_t column = field.size();
  for (size_t at = 0; at < value.size();) {
    size_t word = at;
    while (word < value.size() && IsBlank(value[word])) ++word;
    size_t end = word;
    while (end < value.size() && !IsBlank(value[end])) ++end;
    if (at > 0 && column + end - at > kGoodLine) {
      field += "\r\n";
      column = 0;
    }
    field += value.substr(at, end - at);
    column += end - at;
    if (column > kMaxLine) return false;
    at = end;
  }
  return true;
}

}  // namespace

Result<std::string> FormatField(std::string_view name, std::string_view value) {
  const auto name_octet = [](char c) { return c > 32 && c < 127 && c != ':'; };
  if (name.empty() || name.size() > 70 || !std::all_of(name.begin(), name.end(), name_octet)) {
    return MakeError(Code::kInvalid, "not a header field's name");
  }
  const auto control = [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F; };
  if (std::any_of(value.begin(), value.end(), control) || !text::IsValidUtf8(value)) {
    return MakeError(Code::kInvalid,
                     std::string(name) + " holds a line break, a control character or octets that aren't UTF-8");
  }
  value = AsciiTrim(value);
  std::string field(name);
  field += ": ";
  const size_t value_begin = field.size();
  // What looks like an encoded word must be one, or a reader decodes it.
  if (!text::IsAscii(value) || value.find("=?") != std::string_view::npos || !Fold(value, field)) {
    field.resize(value_begin);
    field += EncodeWords(value, value_begin);
  }
  field += "\r\n";
  return field;
}

Result<HeaderEditor> HeaderEditor::Open(std::string_view raw, const Limits& limits) {
  SEKISHO_TRY(const MailHeader header, ParseHeader(raw, limits));
  HeaderEditor editor;
  editor.slots_.reserve(header.fields.size() + 4);
  for (const HeaderField& field : header.fields) {
    editor.slots_.push_back({std::string(field.name), raw.substr(field.range.begin, field.range.size()), ""});
  }
  editor.body_ = raw.substr(header.range.end);
  if (editor.body_.starts_with("\r\n")) editor.body_.remove_prefix(2);
  return editor;
}

bool HeaderEditor::Has(std::string_view name) const {
  return std::any_of(slots_.begin(), slots_.end(),
                     [&](const Slot& slot) { return AsciiEqualsIgnoreCase(slot.name, name); });
}

size_t HeaderEditor::Remove(std::string_view name) {
  return std::erase_if(slots_, [&](const Slot& slot) { return AsciiEqualsIgnoreCase(slot.name, name); });
}

Status HeaderEditor::Prepend(std::string_view name, std::string_view value) {
  SEKISHO_TRY(std::string field, FormatField(name, value));
  slots_.insert(slots_.begin(), Slot{std::string(name), "", std::move(field)});
  return Ok();
}

Status HeaderEditor::Append(std::string_view name, std::string_view value) {
  SEKISHO_TRY(std::string field, FormatField(name, value));
  slots_.push_back({std::string(name), "", std::move(field)});
  return Ok();
}

Status HeaderEditor::PrependFields(std::string_view fields) {
  // Whoever made them must have made fields: read them as the header they become.
  if (!fields.ends_with("\r\n") || fields.starts_with("\r\n") || fields.find("\r\n\r\n") != std::string_view::npos) {
    return MakeError(Code::kInvalid, "not header fields, each ended by CRLF");
  }
  if (const Result<MailHeader> read = ParseHeader(fields); !read.ok())
    return MakeError(Code::kInvalid, read.error().detail);
  slots_.insert(slots_.begin(), Slot{"", "", std::string(fields)});
  return Ok();
}

Status HeaderEditor::Replace(std::string_view name, std::string_view value) {
  SEKISHO_TRY(std::string field, FormatField(name, value));
  const auto named = [&](const Slot& slot) { return AsciiEqualsIgnoreCase(slot.name, name); };
  const auto first = std::find_if(slots_.begin(), slots_.end(), named);
  if (first == slots_.end()) {
    slots_.push_back({std::string(name), "", std::move(field)});
    return Ok();
  }
  *first = {std::string(name), "", std::move(field)};
  slots_.erase(std::remove_if(first + 1, slots_.end(), named), slots_.end());
  return Ok();
}

std::string HeaderEditor::Header() const {
  std::string header;
  size_t size = 2;
  for (const Slot& slot : slots_) size += slot.octets.size() + slot.made.size() + 2;
  header.reserve(size);
  for (const Slot& slot : slots_) {
    header += slot.octets;
    header += slot.made;
    if (!header.ends_with("\r\n")) header += "\r\n";  // a message that is cut off behind its last field
  }
  header += "\r\n";
  return header;
}

std::string_view HeaderEditor::Body() const { return body_; }

std::string HeaderEditor::Octets() const {
  std::string octets = Header();
  octets += body_;
  return octets;
}

void StripBcc(HeaderEditor& editor) {
  editor.Remove("Bcc");
  editor.Remove("Resent-Bcc");
}

Status HideRecipients(HeaderEditor& editor) {
  for (const std::string_view name : {"Cc", "Resent-To", "Resent-Cc"}) editor.Remove(name);
  return editor.Replace("To", "undisclosed-recipients:;");
}

Status AddMissing(HeaderEditor& editor, std::string_view message_id, std::string_view date) {
  if (!editor.Has("Message-ID")) SEKISHO_RETURN_IF_ERROR(editor.Append("Message-ID", message_id));
  if (!editor.Has("Date")) SEKISHO_RETURN_IF_ERROR(editor.Append("Date", date));
  return Ok();
}

}  // namespace sekisho::mime
