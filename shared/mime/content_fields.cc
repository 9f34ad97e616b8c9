#include "shared/mime/content_fields.h"

#include <algorithm>
#include <utility>

#include "shared/base/bytes.h"
#include "shared/mime/parameters.h"

namespace sekisho::mime {
namespace {

// RFC 2046 §5.1.1, and what mailers add to it without anyone reading it differently.
bool IsBoundaryOctet(char c) { return c >= 32 && c < 127 && c != '"' && c != '\\'; }

Status ReadType(const RawField& field, const Limits& limits, std::string_view place, ContentFields& fields) {
  SEKISHO_TRY(ParameterizedValue value, ReadParameters(field.value, place, "Content-Type"));
  const size_t slash = value.value.find('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == value.value.size() ||
      value.value.find('/', slash + 1) != std::string::npos) {
    return Ambiguous(place, "Content-Type can't be read; write it as type/subtype");
  }
  fields.has_type = true;
  fields.type = value.value.substr(0, slash);
  fields.subtype = value.value.substr(slash + 1);
  fields.charset = AsciiLower(value.Find("charset"));
  fields.names = std::move(value.names);
  if (fields.type == "multipart") {
    if (value.had_raw) return Ambiguous(place, "Content-Type of a multipart holds characters outside ASCII");
    fields.boundary = value.Find("boundary");
    if (fields.boundary.empty()) return Ambiguous(place, "Content-Type of a multipart lacks a boundary");
    if (fields.boundary.size() > limits.boundary_octets)
      return MakeError(Code::kLimit, std::string(place) + ": the boundary is too long");
    if (!std::all_of(fields.boundary.begin(), fields.boundary.end(), IsBoundaryOctet) ||
        fields.boundary.back() == ' ') {
      return Ambiguous(place, "the boundary holds characters that a boundary can't have");
    }
  }
  if (fields.type == "message" && (fields.subtype == "partial" || fields.subtype == "external-body")) {
    return Ambiguous(place, "it refers to content outside the mail (message/" + fields.subtype + "); send the whole");
  }
  fields.parameters = std::move(value.parameters);
  return Ok();
}

Status ReadEncoding(const RawField& field, std::string_view place, ContentFields& fields) {
  static constexpr std::pair<std::string_view, TransferEncoding> kEncodings[] = {
      {"7bit", TransferEncoding::k7Bit},
      {"8bit", TransferEncoding::k8Bit},
      {"binary", TransferEncoding::kBinary},
      {"base64", TransferEncoding::kBase64},
      {"quoted-printable", TransferEncoding::kQuotedPrintable}};
  const std::string value = Unfold(field.value);
  for (const auto& [name, encoding] : kEncodings) {
    if (!AsciiEqualsIgnoreCase(value, name)) continue;
    fields.encoding = encoding;
    const bool encodes = encoding == TransferEncoding::kBase64 || encoding == TransferEncoding::kQuotedPrintable;
    const bool container = fields.type == "multipart" ||
                           (fields.type == "message" && (fields.subtype == "rfc822" || fields.subtype == "global"));
    if (encodes && container)
      return Ambiguous(place, "a multipart or a message is encoded; encode its parts instead (RFC 2045 §6.4)");
    return Ok();
  }
  if (value.find('(') != std::string::npos)
    return Ambiguous(place, "Content-Transfer-Encoding holds a comment; remove it");
  return Ambiguous(place, "Content-Transfer-Encoding is none of 7bit, 8bit, binary, base64, quoted-printable");
}

Status ReadDisposition(const RawField& field, std::string_view place, ContentFields& fields) {
  SEKISHO_TRY(ParameterizedValue value, ReadParameters(field.value, place, "Content-Disposition"));
  if (value.value.find('/') != std::string::npos) return Ambiguous(place, "Content-Disposition can't be read");
  // RFC 2183 §2.8: what nobody knows is an attachment.
  fields.disposition = value.value == "inline" ? Disposition::kInline : Disposition::kAttachment;
  for (std::string& name : fields.names) {
    if (std::find(value.names.begin(), value.names.end(), name) == value.names.end())
      value.names.push_back(std::move(name));
  }
  fields.names = std::move(value.names);
  return Ok();
}

}  // namespace

Result<ContentFields> ReadContentFields(const HeaderSection& section, bool in_digest, const Limits& limits,
                                        std::string_view place) {
  ContentFields fields;
  if (in_digest) {
    fields.type = "message";
    fields.subtype = "rfc822";
  }
  // The type first: the encoding is judged by it.
  if (const RawField* field = section.Find("Content-Type"))
    SEKISHO_RETURN_IF_ERROR(ReadType(*field, limits, place, fields));
  if (const RawField* field = section.Find("Content-Transfer-Encoding"))
    SEKISHO_RETURN_IF_ERROR(ReadEncoding(*field, place, fields));
  if (const RawField* field = section.Find("Content-Disposition"))
    SEKISHO_RETURN_IF_ERROR(ReadDisposition(*field, place, fields));
  if (const RawField* field = section.Find("Content-ID")) {
    const std::string value = Unfold(field->value);
    const size_t begin = value.starts_with('<') ? 1 : 0;
    fields.content_id = value.substr(begin, std::min(value.find('>'), value.size()) - begin);
  }
  return fields;
}

Result<bool> CheckMimeVersion(const HeaderSection& section, const ContentFields& fields, std::string_view place) {
  const RawField* const version = section.Find("MIME-Version");
  if (version == nullptr) {
    const bool encoded =
        fields.encoding == TransferEncoding::kBase64 || fields.encoding == TransferEncoding::kQuotedPrintable;
    // Text that isn't encoded says the same to a reader that ignores its type.
    if (encoded || (fields.has_type && fields.type != "text")) {
      return Ambiguous(place, "it has MIME structure without MIME-Version; add \"MIME-Version: 1.0\"");
    }
    return false;
  }
  std::string value;
  size_t depth = 0;
  for (const char c : Unfold(version->value)) {
    if (c == '(') ++depth;
    if (depth == 0 && c != ' ' && c != '\t') value += c;
    if (c == ')' && depth > 0) --depth;
  }
  if (value != "1.0") return Ambiguous(place, "MIME-Version is not 1.0");
  return true;
}

}  // namespace sekisho::mime
