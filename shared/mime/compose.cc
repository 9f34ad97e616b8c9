#include "shared/mime/compose.h"

#include <algorithm>
#include <cstdint>

#include "shared/base/bytes.h"
#include "shared/mime/encoded_word.h"
#include "shared/mime/transfer_encoding.h"
#include "shared/text/utf8.h"

namespace sekisho::mime {
namespace {

constexpr size_t kPieceOfName = 54;  // characters of a name in RFC 2231 form on one line
constexpr size_t kPlainName = 60;

bool IsPlain(std::string_view value) {
  return std::all_of(value.begin(), value.end(), [](char c) { return c >= 32 && c < 127; });
}

std::string Quote(std::string_view value) {
  std::string out = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

// RFC 2231 §3 and §4: UTF-8, percent-encoded, in pieces that cut no character.
std::string ExtendedName(std::string_view parameter, std::string_view name) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  std::vector<std::string> pieces(1, "UTF-8''");
  for (size_t at = 0; at < name.size();) {
    const size_t begin = at;
    text::NextCodePoint(name, at);
    std::string written;
    for (const char c : name.substr(begin, at - begin)) {
      const auto octet = static_cast<unsigned char>(c);
      const bool plain = (octet >= 'A' && octet <= 'Z') || (octet >= 'a' && octet <= 'z') ||
                         (octet >= '0' && octet <= '9') || octet == '.' || octet == '-' || octet == '_';
      if (plain) {
        written += c;
      } else {
        written += {'%', kHex[octet >> 4], kHex[octet & 15]};
      }
    }
    if (pieces.back().size() + written.size() > kPieceOfName) pieces.emplace_back();
    pieces.back() += written;
  }
  if (pieces.size() == 1) return ";\r\n " + std::string(parameter) + "*=" + pieces[0];
  std::string out;
  for (size_t i = 0; i < pieces.size(); ++i)
    out += ";\r\n " + std::string(parameter) + "*" + std::to_string(i) + "*=" + pieces[i];
  return out;
}

uint64_t Fnv1a(std::string_view text) {
  uint64_t hash = 0xCBF29CE484222325ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  return hash;
}

std::string WithCrlf(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 32 + 2);
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '\r' || c == '\n') {
      out += "\r\n";
      if (c == '\r' && at + 1 < text.size() && text[at + 1] == '\n') ++at;
    } else {
      out += c;
    }
  }
  if (!out.empty() && !out.ends_with("\r\n")) out += "\r\n";
  return out;
}

}  // namespace

bool IsContentField(std::string_view name) { return AsciiEqualsIgnoreCase(name.substr(0, 8), "Content-"); }

bool IsToken(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > 32 && c < 127 && std::string_view("()<>@,;:\\\"/[]?=").find(c) == std::string_view::npos;
  });
}

Result<std::string> FormatParameterized(std::string_view field, std::string_view value,
                                        const std::vector<Parameter>& parameters, std::string_view name_parameter,
                                        std::string_view file_name) {
  std::string out(field);
  out += ": ";
  out += value;
  for (const Parameter& parameter : parameters) {
    if (!IsToken(parameter.name) || !IsPlain(parameter.value) || parameter.value.size() > 900) {
      return MakeError(Code::kInvalid, std::string(field) + " has a parameter that can't be written");
    }
    out += ";\r\n " + parameter.name + "=" + (IsToken(parameter.value) ? parameter.value : Quote(parameter.value));
  }
  if (!file_name.empty()) {
    const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
    if (std::any_of(file_name.begin(), file_name.end(), control) || !text::IsValidUtf8(file_name) ||
        file_name.size() > 4096) {
      return MakeError(Code::kInvalid,
                       "a file name holds a line break, a control character or octets that aren't UTF-8");
    }
    const std::string parameter(name_parameter);
    if (IsPlain(file_name) && file_name.size() <= kPlainName && file_name.find("=?") == std::string_view::npos) {
      out += ";\r\n " + parameter + "=" + Quote(file_name);
    } else if (parameter == "filename") {
      out += ExtendedName(parameter, file_name);
    } else {
      out += ";\r\n " + parameter + "=\"" + EncodeWords(file_name, parameter.size() + 3) + "\"";
    }
  }
  out += "\r\n";
  return out;
}

std::string ComposeMultipart(std::string_view subtype, std::vector<Parameter> parameters,
                             const std::vector<std::string>& entities, std::string_view seed) {
  uint64_t hash = Fnv1a(seed);
  std::string boundary;
  const auto occurs = [&](const std::string& entity) {
    const std::string line = "--" + boundary;
    return entity.starts_with(line) || entity.find("\n" + line) != std::string::npos ||
           entity.find(boundary) != std::string::npos;
  };
  do {
    // "=_" occurs in neither base64 nor quoted-printable.
    boundary = "=_sekisho_" + HexEncode(std::string_view(reinterpret_cast<const char*>(&hash), sizeof(hash)));
    ++hash;
  } while (std::any_of(entities.begin(), entities.end(), occurs));
  parameters.push_back({"boundary", boundary});
  Result<std::string> header =
      FormatParameterized("Content-Type", "multipart/" + std::string(subtype), parameters, "", "");
  SEKISHO_CHECK(header.ok());
  std::string out = *std::move(header);
  if (!std::all_of(entities.begin(), entities.end(), [](const std::string& entity) { return text::IsAscii(entity); })) {
    out += "Content-Transfer-Encoding: 8bit\r\n";
  }
  size_t size = out.size() + boundary.size() + 8;
  for (const std::string& entity : entities) size += boundary.size() + entity.size() + 6;
  out.reserve(size);
  for (const std::string& entity : entities) {
    out += "\r\n--" + boundary + "\r\n";
    out += entity;
  }
  out += "\r\n--" + boundary + "--\r\n";
  return out;
}

Result<std::string> ComposeText(std::string_view subtype, std::string_view text) {
  if (!text::IsValidUtf8(text) || text.find('\0') != std::string_view::npos) {
    return MakeError(Code::kInvalid, "the " + std::string(subtype) + " text holds NUL or octets that aren't UTF-8");
  }
  const std::string content = WithCrlf(text);
  const TransferEncoding encoding = ChooseEncoding(content, true);
  std::string out = "Content-Type: text/" + std::string(subtype) + "; charset=UTF-8\r\nContent-Transfer-Encoding: ";
  out += TransferEncodingName(encoding);
  out += "\r\n\r\n";
  if (encoding == TransferEncoding::kBase64) {
    out += EncodeBase64Lines(content);
  } else if (encoding == TransferEncoding::kQuotedPrintable) {
    out += EncodeQuotedPrintable(content);
  } else {
    out += content;
  }
  return out;
}

std::string JoinMailboxes(std::string_view field, const std::vector<std::string>& mailboxes) {
  std::string out(field);
  out += ": ";
  for (size_t i = 0; i < mailboxes.size(); ++i) {
    if (i > 0) out += ",\r\n ";
    out += mailboxes[i];
  }
  out += "\r\n";
  return out;
}

}  // namespace sekisho::mime
