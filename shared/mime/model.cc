#include "shared/mime/model.h"

#include <algorithm>

#include "shared/base/bytes.h"
#include "shared/mime/transfer_encoding.h"
#include "shared/text/charset.h"
#include "shared/text/html.h"

namespace sekisho::mime {
namespace {

// RFC 5322 §3.2.3 for a local part that needs no quotes; dots are taken as mobile carriers gave them out.
bool IsPlainLocalPart(std::string_view local_part) {
  return !local_part.empty() && std::all_of(local_part.begin(), local_part.end(), [](char c) {
    return static_cast<unsigned char>(c) >= 0x80 ||
           (c > 32 && c != 127 && std::string_view("()<>[]:;@\\,\"").find(c) == std::string_view::npos);
  });
}

}  // namespace

std::string Address::AddrSpec() const {
  if (domain.empty()) return "";
  std::string out;
  if (IsPlainLocalPart(local_part)) {
    out = local_part;
  } else {
    out = "\"";
    for (const char c : local_part) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
  }
  out += '@';
  out += domain;
  return out;
}

const HeaderField* MailHeader::Find(std::string_view name) const {
  for (const HeaderField& field : fields) {
    if (AsciiEqualsIgnoreCase(field.name, name)) return &field;
  }
  return nullptr;
}

std::string_view Part::FindParameter(std::string_view name) const {
  for (const Parameter& parameter : parameters) {
    if (parameter.name == name) return parameter.value;
  }
  return "";
}

std::string_view FileTypeName(FileType type) {
  switch (type) {
    case FileType::kUnknown:
      return "unknown";
    case FileType::kEmpty:
      return "empty";
    case FileType::kText:
      return "text";
    case FileType::kHtml:
      return "html";
    case FileType::kXml:
      return "xml";
    case FileType::kRtf:
      return "rtf";
    case FileType::kPdf:
      return "pdf";
    case FileType::kOle:
      return "ole";
    case FileType::kMsi:
      return "msi";
    case FileType::kOutlookMessage:
      return "msg";
    case FileType::kOoxml:
      return "ooxml";
    case FileType::kOdf:
      return "odf";
    case FileType::kZip:
      return "zip";
    case FileType::kRar:
      return "rar";
    case FileType::k7z:
      return "7z";
    case FileType::kGzip:
      return "gzip";
    case FileType::kBzip2:
      return "bzip2";
    case FileType::kXz:
      return "xz";
    case FileType::kTar:
      return "tar";
    case FileType::kCab:
      return "cab";
    case FileType::kLzh:
      return "lzh";
    case FileType::kIso:
      return "iso";
    case FileType::kVhd:
      return "vhd";
    case FileType::kOneNote:
      return "onenote";
    case FileType::kLnk:
      return "lnk";
    case FileType::kPe:
      return "exe";
    case FileType::kElf:
      return "elf";
    case FileType::kMachO:
      return "mach-o";
    case FileType::kScript:
      return "script";
    case FileType::kPng:
      return "png";
    case FileType::kJpeg:
      return "jpeg";
    case FileType::kGif:
      return "gif";
    case FileType::kBmp:
      return "bmp";
    case FileType::kTiff:
      return "tiff";
    case FileType::kWebp:
      return "webp";
    case FileType::kHeif:
      return "heif";
    case FileType::kSvg:
      return "svg";
    case FileType::kAudioVideo:
      return "media";
    case FileType::kEml:
      return "eml";
    case FileType::kIcs:
      return "ics";
    case FileType::kVcard:
      return "vcard";
    case FileType::kTnef:
      return "tnef";
    case FileType::kPkcs7:
      return "pkcs7";
    case FileType::kPgp:
      return "pgp";
  }
  SEKISHO_CHECK(false);
  return "";
}

Status DecodeContent(const MailModel& mail, const Part& part, const Sink& sink) {
  if (part.role == Role::kMultipart) return MakeError(Code::kInvalid, "a multipart has no content of its own");
  return DecodeTransfer(part.encoding, mail.Octets(part.body), sink);
}

Result<std::string> DecodeContent(const MailModel& mail, const Part& part) {
  std::string content;
  content.reserve(part.decoded_size);
  SEKISHO_RETURN_IF_ERROR(DecodeContent(mail, part, [&](std::string_view piece) -> Status {
    content += piece;
    return Ok();
  }));
  return content;
}

Result<std::string> ReadableText(const MailModel& mail, const Part& part) {
  if (part.type != "text") return MakeError(Code::kInvalid, "the part isn't text");
  SEKISHO_TRY(const std::string octets, DecodeContent(mail, part));
  std::string text = text::ReadAll(octets, part.charset).texts.front();
  if (part.subtype == "html") return text::ReadHtml(text).text;
  std::erase(text, '\r');
  return text;
}

}  // namespace sekisho::mime
