#include "shared/mime/leaf.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/mime/encrypted_file.h"
#include "shared/mime/file_type.h"
#include "shared/mime/header_section.h"
#include "shared/mime/transfer_encoding.h"
#include "shared/text/charset.h"
#include "shared/text/html.h"

namespace sekisho::mime {
namespace {

using namespace std::string_view_literals;

bool IsIdentity(TransferEncoding encoding) {
  return encoding != TransferEncoding::kBase64 && encoding != TransferEncoding::kQuotedPrintable;
}

// Calls for each line, without its end, until `call` returns true.
template <typename Call>
bool AnyLine(std::string_view text, std::string_view prefix, const Call& call) {
  for (size_t at = text.find(prefix); at != std::string_view::npos; at = text.find(prefix, at + 1)) {
    if (at != 0 && text[at - 1] != '\n') continue;
    const size_t end = std::min(text.find('\n', at), text.size());
    if (call(text.substr(at, end - at), text.substr(std::min(end + 1, text.size())))) return true;
  }
  return false;
}

std::string_view FirstLine(std::string_view text) {
  std::string_view line = text.substr(0, std::min(text.find('\n'), text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// "begin 644 name" with a well-made line behind it: mail programs of one vendor make a file of that.
bool HasUuencodedFile(std::string_view text) {
  return AnyLine(text, "begin ", [](std::string_view line, std::string_view rest) {
    const std::string_view mode = line.substr(6);
    const size_t digits = std::min(mode.find_first_not_of("01234567"), mode.size());
    if (digits < 3 || digits > 4 || digits + 1 >= mode.size() || mode[digits] != ' ') return false;
    const std::string_view data = FirstLine(rest);
    if (data.empty() || data[0] < 33 || data[0] > 96) return false;
    const size_t octets = static_cast<size_t>(data[0] - 32) & 63, characters = (octets + 2) / 3 * 4;
    const bool alphabet = std::all_of(data.begin(), data.end(), [](char c) { return c >= 32 && c <= 96; });
    return alphabet && data.size() >= characters + 1 && data.size() <= characters + 2;
  });
}

// RFC 5545 §3.8.1.1: an attachment inside the calendar object, as opposed to a link. Names have no case, and a line may
// be folded anywhere (§3.1).
bool HasInlineAttach(std::string_view calendar) {
  std::string lines;
  for (size_t at = 0; at < calendar.size(); ++at) {
    size_t next = at;
    if (calendar[next] == '\r') ++next;
    if (next + 1 < calendar.size() && calendar[next] == '\n' &&
        (calendar[next + 1] == ' ' || calendar[next + 1] == '\t')) {
      at = next + 1;
    } else {
      lines += calendar[at];
    }
  }
  lines = AsciiLower(lines);
  return AnyLine(lines, "attach", [](std::string_view line, std::string_view) {
    const std::string_view start = line.substr(0, 512);
    return start.find("value=binary") != start.npos || start.find("encoding=base64") != start.npos;
  });
}

bool IsDeclaredText(const Part& part) {
  // Reports are text by definition (RFC 3464 §2.1), under a type of their own.
  return part.type == "text" || (part.type == "message" && part.subtype != "rfc822" && part.subtype != "global");
}

// Text has no NUL in any charset but those of 16 and 32 bits.
bool IsBinary(std::string_view content, std::string_view charset) {
  const std::string name = AsciiLower(charset);
  const bool wide = name.starts_with("utf-16") || name.starts_with("utf-32") || content.starts_with("\xFF\xFE"sv) ||
                    content.starts_with("\xFE\xFF"sv);
  return !wide && content.find('\0') != content.npos;
}

bool IsText(FileType type) {
  switch (type) {
    case FileType::kText:
    case FileType::kHtml:
    case FileType::kXml:
    case FileType::kSvg:
    case FileType::kScript:
    case FileType::kEml:
    case FileType::kIcs:
    case FileType::kVcard:
    case FileType::kPgp:
      return true;
    default:
      return false;
  }
}

Status AddHtml(std::string_view source, std::string_view place, LeafContext& context, Part& part) {
  text::HtmlText html = text::ReadHtml(source);
  part.has_script |= html.has_script;
  for (const std::string& link : html.links) {
    if (AsciiEqualsIgnoreCase(std::string_view(link).substr(0, 4), "cid:")) {
      context.shown_images.insert(link.substr(4));
    } else {
      html.text += '\n';
      html.text += link;
    }
  }
  return AddText(html.text, place, context, part);
}

Status ReadText(std::string_view octets, bool also_as_source, std::string_view place, LeafContext& context, Part& part,
                LeafFindings& findings) {
  if (part.type == "text" && part.subtype == "plain" && part.disposition != Disposition::kAttachment &&
      HasUuencodedFile(octets)) {
    return Ambiguous(place, "it holds a uuencoded file in its text; attach the file instead");
  }
  const bool declared_html = part.type == "text" && (part.subtype == "html" || part.subtype == "xhtml");
  const bool as_html = declared_html || part.real_type == FileType::kHtml || part.real_type == FileType::kSvg;
  std::vector<std::string> also;
  if (as_html) {
    if (std::string meta = text::MetaCharset(octets); !meta.empty()) also.push_back(std::move(meta));
  }
  const auto add = [&](std::string_view reading) -> Status {
    if (as_html) SEKISHO_RETURN_IF_ERROR(AddHtml(reading, place, context, part));
    if (!declared_html || also_as_source) SEKISHO_RETURN_IF_ERROR(AddText(reading, place, context, part));
    return Ok();
  };
  const auto look = [&](std::string_view first) {
    if (part.subtype == "calendar" || part.real_type == FileType::kIcs) part.embeds_files = HasInlineAttach(first);
    if (!as_html) findings.pgp = FindPgpArmour(first);
    part.encrypted |= findings.pgp == PgpKind::kEncrypted;
  };
  if (text::IsReadAsItIs(octets, part.charset, also)) {
    look(octets);
    return add(octets);
  }
  const text::Readings readings = text::ReadAll(octets, part.charset, also);
  part.charset_mismatch = readings.mismatch;
  look(readings.texts.front());
  for (const std::string& reading : readings.texts) SEKISHO_RETURN_IF_ERROR(add(reading));
  return Ok();
}

// The header of a DER or BER value: its tag, how long the header is, and the value's size unless that is indefinite.
struct AsnHeader {
  unsigned char tag = 0;
  size_t header = 0;
  std::optional<size_t> size;
};

std::optional<AsnHeader> ReadAsnHeader(std::string_view octets) {
  const auto at = [&](size_t i) { return static_cast<unsigned char>(octets[i]); };
  if (octets.size() < 2) return std::nullopt;
  if (at(1) < 0x80) return AsnHeader{at(0), 2, at(1)};
  if (at(1) == 0x80) return AsnHeader{at(0), 2, std::nullopt};
  const size_t digits = at(1) & 0x7FU;
  if (digits > 4 || octets.size() < 2 + digits) return std::nullopt;
  size_t size = 0;
  for (size_t i = 0; i < digits; ++i) size = size << 8 | at(2 + i);
  return AsnHeader{at(0), 2 + digits, size};
}

// What follows the content type of a ContentInfo: [0] { SEQUENCE { version, digestAlgorithms, SEQUENCE { type, [0]
// content OPTIONAL … (RFC 5652 §5.1).
bool SignsWhatLiesElsewhere(std::string_view octets) {
  const auto enter = [&](unsigned char tag) -> std::optional<AsnHeader> {
    const auto header = ReadAsnHeader(octets);
    if (!header || header->tag != tag) return std::nullopt;
    octets.remove_prefix(header->header);
    return header;
  };
  const auto skip = [&](unsigned char tag) {
    const auto header = enter(tag);
    if (!header || !header->size || *header->size > octets.size()) return false;
    octets.remove_prefix(*header->size);
    return true;
  };
  if (!enter(0xA0) || !enter(0x30) || !skip(0x02) || !skip(0x31)) return false;
  const auto content = enter(0x30);
  const size_t before = octets.size();
  if (!content || !skip(0x06)) return false;
  return content->size ? before - octets.size() == *content->size : octets.starts_with("\0\0"sv);
}

// Says what the first octets say; true when all of them are needed to say more.
bool Sniff(std::string_view head, bool to_scan, Part& part, LeafFindings& findings) {
  part.real_type = DetectType(head, part.file_name);
  findings.cms = FindCmsKind(head);
  part.embeds_files = part.real_type == FileType::kTnef;
  if (part.real_type == FileType::kUnknown) {
    const std::string extension = Extension(part.file_name);
    part.encrypted = extension == "pgp" || extension == "gpg";  // binary OpenPGP has no magic worth the name
  }
  return IsDeclaredText(part) || IsText(part.real_type) || (to_scan && MayBeEncrypted(part.real_type));
}

}  // namespace

CmsKind FindCmsKind(std::string_view head) {
  constexpr std::string_view kPkcs7 = "\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x07"sv,
                             kSmime = "\x06\x0B\x2A\x86\x48\x86\xF7\x0D\x01\x09\x10\x01"sv;
  if (!head.starts_with('\x30')) return CmsKind::kNone;
  const std::string_view start = head.substr(0, 32);
  if (const size_t at = start.find(kPkcs7); at != std::string_view::npos && at + kPkcs7.size() < start.size()) {
    if (start[at + kPkcs7.size()] != 2) return CmsKind::kHiding;
    return SignsWhatLiesElsewhere(head.substr(at + kPkcs7.size() + 1)) ? CmsKind::kDetached : CmsKind::kSigned;
  }
  return start.find(kSmime) != std::string_view::npos ? CmsKind::kHiding : CmsKind::kNone;
}

PgpKind FindPgpArmour(std::string_view text) {
  const auto is = [](std::string_view wanted) {
    return [wanted](std::string_view line, std::string_view) { return AsciiTrim(line) == wanted; };
  };
  if (AnyLine(text, "-----BEGIN PGP MESSAGE", is("-----BEGIN PGP MESSAGE-----"))) return PgpKind::kEncrypted;
  if (AnyLine(text, "-----BEGIN PGP SIGNED", is("-----BEGIN PGP SIGNED MESSAGE-----"))) return PgpKind::kSigned;
  return PgpKind::kNone;
}

Status AddText(std::string_view utf8, std::string_view place, LeafContext& context, Part& part) {
  if (!context.to_scan) return Ok();
  const size_t left = context.limits.text_octets - std::min(context.limits.text_octets, context.text_octets);
  std::optional<text::Normalized> normalized;
  if (utf8.size() <= left) normalized = text::NormalizeWithin(utf8, left);
  if (!normalized) return MakeError(Code::kLimit, std::string(place) + ": too much text to scan");
  context.text_octets += std::max(utf8.size(), normalized->text.size());
  if (part.text.text.empty()) {
    part.text = *std::move(normalized);
  } else {
    part.text.text += '\n';
    part.text.text += normalized->text;
  }
  return Ok();
}

Result<LeafFindings> ReadLeaf(std::string_view raw, bool also_as_source, std::string_view place, LeafContext& context,
                              Part& part) {
  const std::string_view body = raw.substr(part.body.begin, part.body.size());
  LeafFindings findings;
  part.real_type = FileType::kEmpty;
  part.decoded_size = 0;
  std::string storage;
  std::string_view content;
  bool keep = false;
  if (IsIdentity(part.encoding)) {
    part.decoded_size = body.size();
    content = body;
    if (!body.empty()) keep = Sniff(body, context.to_scan, part, findings);
  } else {
    const Status status = DecodeTransfer(part.encoding, body, [&](std::string_view piece) -> Status {
      if (part.decoded_size == 0) keep = Sniff(piece, context.to_scan, part, findings);
      if (keep && storage.empty()) storage.reserve(body.size());
      part.decoded_size += piece.size();
      if (keep) storage += piece;
      return Ok();
    });
    if (!status.ok()) return Annotate(status.error(), place);
    content = storage;
  }
  if (!keep) return findings;
  findings.binary = IsDeclaredText(part) && IsBinary(content, part.charset);
  part.real_type = RefineType(part.real_type, content);
  part.encrypted |= IsEncryptedFile(part.real_type, content);
  if (IsDeclaredText(part) || IsText(part.real_type)) {
    SEKISHO_RETURN_IF_ERROR(ReadText(content, also_as_source, place, context, part, findings));
  }
  return findings;
}

}  // namespace sekisho::mime
