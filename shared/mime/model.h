#pragma once
// One mail, read once and strictly: what its header says, what parts it has, what each claims to be and what it is.
//
// Two mail readers may read a sloppy mail in two ways, and so would a scanner and the recipient's client. Parse refuses
// such a mail (kMalformed) and never repairs it; sloppiness that all readers take alike (raw ISO-2022-JP or Shift_JIS
// in a header, RFC 2047 words inside quotes, no Date) is read. Standards: RFC 5322, 2045–2047, 2183, 2231, 6532, 8551.
//
// Pure: no I/O, no threads, no clock. A model is immutable after Parse and safe to read from several threads. Offsets
// are octets of the raw message. The raw octets are never changed; see editor.h for that.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/result.h"
#include "shared/text/normalize.h"

namespace sekisho::mime {

struct Limits {
  size_t message_octets = 50 << 20;
  size_t depth = 32;                 // of nested parts; the mail itself is depth 0
  size_t parts = 1000;               // multiparts and embedded messages included
  size_t boundary_octets = 70;       // RFC 2046 §5.1.1
  size_t header_octets = 256 << 10;  // of one header section, the mail's or a part's
  size_t field_octets = 32 << 10;
  size_t fields = 1000;           // in one header section
  size_t addresses = 10000;       // in all address fields together
  size_t text_octets = 64 << 20;  // of all parts' text together, decoded or normalised, whichever is more
};

struct Range {
  size_t begin = 0;
  size_t end = 0;
  size_t size() const { return end - begin; }
};

struct HeaderField {
  std::string_view name;  // as written
  std::string_view raw;   // the octets after the colon, folds kept, without the last CRLF
  std::string text;       // unfolded, RFC 2047 words and raw charsets decoded, UTF-8, trimmed
  Range range;            // name to CRLF, the CRLF included
};

struct Address {
  std::string display_name;  // UTF-8
  std::string local_part;    // as given, unquoted
  std::string domain;        // A-label, lower case; as given where IDNA refuses it
  bool valid = false;  // false: the entry could be read in several ways or in none; what we have is for display only

  std::string AddrSpec() const;  // RFC 5322 §3.4.1, the local part quoted where needed; empty without domain
};

// The mail's own header section.
struct MailHeader {
  std::vector<HeaderField> fields;                           // in order
  std::string subject;                                       // UTF-8
  std::vector<Address> from, sender, to, cc, bcc, reply_to;  // groups flattened; bcc includes Resent-Bcc
  std::string message_id;                                    // with its angle brackets; empty when absent
  bool has_date = false;
  bool has_mime_version = false;
  size_t received_count = 0;
  Range range;  // of the section, without the empty line that ends it

  // The first field of that name, any case; nullptr when there is none.
  const HeaderField* Find(std::string_view name) const;
};

enum class Role {
  kMultipart,
  kBodyText,  // what the recipient reads as the mail's text
  kBodyHtml,
  kAttachment,
  kInlineImage,   // an image that the HTML body shows
  kMessage,       // message/rfc822 or message/global; its parts follow it
  kSignature,     // detached: application/pkcs7-signature, application/pgp-signature
  kOpaqueSigned,  // application/pkcs7-mime that wraps its content without hiding it
  kEncrypted,     // S/MIME enveloped or PGP/MIME encrypted data
};

enum class TransferEncoding { k7Bit, k8Bit, kBinary, kBase64, kQuotedPrintable };
enum class Disposition { kNone, kInline, kAttachment };

// What the octets say a file is.
enum class FileType {
  kUnknown,
  kEmpty,
  kText,
  kHtml,
  kXml,
  kRtf,
  kPdf,
  kOle,
  kMsi,
  kOutlookMessage,
  kOoxml,
  kOdf,
  kZip,
  kRar,
  k7z,
  kGzip,
  kBzip2,
  kXz,
  kTar,
  kCab,
  kLzh,
  kIso,
  kVhd,
  kOneNote,
  kLnk,
  kPe,
  kElf,
  kMachO,
  kScript,
  kPng,
  kJpeg,
  kGif,
  kBmp,
  kTiff,
  kWebp,
  kHeif,
  kSvg,
  kAudioVideo,
  kEml,
  kIcs,
  kVcard,
  kTnef,
  kPkcs7,
  kPgp,
};
std::string_view FileTypeName(FileType type);  // "pdf", "ooxml", …; stable: rules name these

struct Parameter {
  std::string name;   // lower case, without RFC 2231 marks
  std::string value;  // joined, decoded, UTF-8
};

struct Part {
  size_t parent = 0;  // index in MailModel::parts; the root's is its own
  size_t depth = 0;
  std::string place;    // for people: "body", "attachment 2", "attachment 2 > body"
  std::string section;  // RFC 3501 §6.4.5: "1.2"; empty for a multipart root
  Role role = Role::kAttachment;

  std::string type = "text";  // lower case
  std::string subtype = "plain";
  std::vector<Parameter> parameters;  // of Content-Type
  std::string charset;                // as declared, lower case; empty when none is
  TransferEncoding encoding = TransferEncoding::k7Bit;
  Disposition disposition = Disposition::kNone;
  std::string content_id;                // without angle brackets
  std::string file_name;                 // UTF-8, controls kept, path kept; empty when there is none
  std::vector<std::string> other_names;  // what other readers may take for the name, where it differs

  Range header;  // the part's header section
  Range body;    // its encoded content, without the CRLF that belongs to the next boundary
  size_t decoded_size = 0;
  FileType real_type = FileType::kUnknown;  // by magic, for leaves; scripts by extension

  // What a careful person would be told about this part.
  bool name_mismatch = false;  // the extension isn't one that real_type has, or another reading of the name has another
  bool double_extension = false;  // "invoice.pdf.exe"
  bool deceptive_name =
      false;                  // bidi override, control or invisible characters, or a run of blanks before the extension
  bool encrypted = false;     // ZIP, OOXML, OLE, PDF, 7z or RAR with a password; S/MIME enveloped; PGP
  bool embeds_files = false;  // TNEF, or iCalendar with ATTACH: files that this model doesn't list
  bool has_script = false;    // HTML that runs script
  bool charset_mismatch = false;  // the octets aren't what the declared charset says

  // Every reading of the octets, a line feed between: the declared charset, then the detected where it differs. HTML as
  // visible text and link targets. Normalised. There is one for each leaf that is text by type or by content, for a
  // multipart the text outside its parts, for an embedded message its header; empty for the rest. Scan it whatever the
  // role.
  text::Normalized text;

  std::string MediaType() const { return type + "/" + subtype; }
  std::string_view FindParameter(std::string_view name) const;  // empty when absent
};

enum class SmimeKind { kNone, kClearSigned, kOpaqueSigned, kEnveloped };
enum class PgpKind { kNone, kSigned, kEncrypted };  // PGP/MIME (RFC 3156) or an armoured text body

struct MailModel : MailHeader {
  std::vector<Part> parts;             // pre-order; parts[0] is the mail's own content
  SmimeKind smime = SmimeKind::kNone;  // of the mail as a whole
  PgpKind pgp = PgpKind::kNone;

  std::string_view raw;                      // the message
  std::shared_ptr<const std::string> owner;  // keeps `raw` alive where Parse was given ownership

  // Signed or encrypted by its sender: no change of the body may be made.
  bool IsSealedBySender() const { return smime != SmimeKind::kNone || pgp != PgpKind::kNone; }
  std::string_view Octets(Range range) const { return raw.substr(range.begin, range.size()); }
};

// Reads a message of CRLF lines.
// Errors: kLimit, naming the limit; kMalformed when two readers could differ or the structure can't be read: the detail
// names the place and what to change, never content ("attachment 2: Content-Type is given twice").
Result<MailModel> Parse(std::shared_ptr<const std::string> raw, const Limits& limits = {});
// The caller keeps the octets alive as long as the model; a temporary would not live that long.
Result<MailModel> Parse(std::string_view raw, const Limits& limits = {});
template <std::same_as<std::string> String>
Result<MailModel> Parse(String&& raw, const Limits& limits = {}) = delete;
// As strictly, for who changes the mail and does not scan it: leaves Part::text empty and does not look into files
// (encrypted).
Result<MailModel> ParseToRewrite(std::string_view raw, const Limits& limits = {});
template <std::same_as<std::string> String>
Result<MailModel> ParseToRewrite(String&& raw, const Limits& limits = {}) = delete;

// Reads the header section alone, as strictly; costs nothing of the body. The views live as long as `raw`.
Result<MailHeader> ParseHeader(std::string_view raw, const Limits& limits = {});
template <std::same_as<std::string> String>
Result<MailHeader> ParseHeader(String&& raw, const Limits& limits = {}) = delete;

// The content of a leaf or of an embedded message, transfer encoding undone. Parse has proved it decodable.
// Errors: kInvalid for a multipart.
Result<std::string> DecodeContent(const MailModel& mail, const Part& part);
// The same in pieces of at most 64 KiB, so that a large attachment is never in memory whole. Stops at the sink's first
// error.
using Sink = std::function<Status(std::string_view)>;
Status DecodeContent(const MailModel& mail, const Part& part, const Sink& sink);

// The text of a text leaf as a person reads it: UTF-8, lines ended by LF, HTML as visible text; the declared reading
// only. Errors: kInvalid for parts that aren't text/*.
Result<std::string> ReadableText(const MailModel& mail, const Part& part);

}  // namespace sekisho::mime
