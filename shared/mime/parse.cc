// The tree of parts: headers, structure and contents, each read by its own file; here they are put together.

#include <algorithm>
#include <utility>

#include "shared/base/bytes.h"
#include "shared/mime/content_fields.h"
#include "shared/mime/encoded_word.h"
#include "shared/mime/header_section.h"
#include "shared/mime/leaf.h"
#include "shared/mime/mail_header.h"
#include "shared/mime/model.h"
#include "shared/mime/multipart.h"
#include "shared/mime/roles.h"

namespace sekisho::mime {
namespace {

bool IsMessage(const Part& part) {
  return part.type == "message" && (part.subtype == "rfc822" || part.subtype == "global");
}

// Where an entity stands in the tree.
struct Position {
  size_t parent = 0;
  size_t depth = 0;
  std::string section;      // IMAP's number, empty for a message's own multipart at the root
  bool is_message = false;  // its header is a message's
  bool in_digest = false;

  std::string Place() const { return section.empty() ? "the mail" : "part " + section; }
};

class TreeReader {
 public:
  TreeReader(std::string_view raw, const Limits& limits, bool to_scan, MailModel& mail)
      : raw_(raw), limits_(limits), mail_(mail), leaves_{limits, to_scan, 0, {}} {}

  Status Run(const HeaderSection& root) {
    SEKISHO_RETURN_IF_ERROR(ReadEntity(root, raw_.size(), {0, 0, "", true, false}));
    AssignRoles(findings_, leaves_.shown_images, mail_);
    return Ok();
  }

 private:
  Status ReadEntity(const HeaderSection& header, size_t end, Position position) {
    std::string place = position.Place();
    if (position.depth > limits_.depth) return MakeError(Code::kLimit, place + ": parts are nested too deep");
    if (mail_.parts.size() >= limits_.parts) return MakeError(Code::kLimit, "the mail: too many parts");
    SEKISHO_RETURN_IF_ERROR(CheckSingletons(header, position.is_message, place));
    SEKISHO_TRY(ContentFields fields, ReadContentFields(header, position.in_digest, limits_, place));
    bool has_version = true;
    if (position.is_message) {
      SEKISHO_TRY(has_version, CheckMimeVersion(header, fields, place));
    }
    if (fields.type != "multipart" && position.section.empty()) position.section = "1";
    const size_t index = mail_.parts.size();
    findings_.emplace_back();
    AddPart(header, end, position, fields);
    if (fields.type == "multipart") return ReadMultipart(index, fields.boundary, position, place);
    if (IsMessage(mail_.parts[index])) return ReadMessage(index, position, place);
    SEKISHO_TRY(findings_[index], ReadLeaf(raw_, !has_version, place, leaves_, mail_.parts[index]));
    return Ok();
  }

  void AddPart(const HeaderSection& header, size_t end, const Position& position, ContentFields& fields) {
    Part part;
    part.parent = position.parent;
    part.depth = position.depth;
    part.section = position.section;
    part.type = std::move(fields.type);
    part.subtype = std::move(fields.subtype);
    part.parameters = std::move(fields.parameters);
    part.charset = std::move(fields.charset);
    part.encoding = fields.encoding;
    part.disposition = fields.disposition;
    part.content_id = std::move(fields.content_id);
    if (!fields.names.empty()) {
      part.file_name = std::move(fields.names.front());
      fields.names.erase(fields.names.begin());
      part.other_names = std::move(fields.names);
    }
    part.header = header.range;
    part.body = {header.body_begin, end};
    part.decoded_size = part.body.size();
    fields.type = part.type;
    mail_.parts.push_back(std::move(part));
  }

  Status ReadMultipart(size_t index, const std::string& boundary, const Position& position, std::string_view place) {
    for (const std::string& open : boundaries_) {
      if (open.starts_with(boundary) || boundary.starts_with(open)) {
        return Ambiguous(place, "its boundary begins like that of the multipart around it; choose another");
      }
    }
    SEKISHO_TRY(const Pieces pieces, CutMultipart(raw_, mail_.parts[index].body, boundary, limits_, place));
    for (const Range range : {pieces.preamble, pieces.epilogue}) {
      const std::string_view octets = AsciiTrim(raw_.substr(range.begin, range.size()));
      if (!octets.empty()) SEKISHO_RETURN_IF_ERROR(AddText(DecodeText(octets), place, leaves_, mail_.parts[index]));
    }
    if (mail_.parts[index].subtype == "signed" && pieces.parts.size() != 2) {
      return Ambiguous(place, "a multipart/signed must have two parts, the content and its signature");
    }
    boundaries_.push_back(boundary);
    const bool digest = mail_.parts[index].subtype == "digest";
    for (size_t i = 0; i < pieces.parts.size(); ++i) {
      const std::string number = std::to_string(i + 1);
      const Position child = {index, position.depth + 1,
                              position.section.empty() ? number : position.section + "." + number, false, digest};
      SEKISHO_TRY(const HeaderSection header, SplitHeader(raw_, pieces.parts[i], limits_, child.Place()));
      SEKISHO_RETURN_IF_ERROR(ReadEntity(header, pieces.parts[i].end, child));
    }
    boundaries_.pop_back();
    return Ok();
  }

  Status ReadMessage(size_t index, const Position& position, std::string_view place) {
    const Range body = mail_.parts[index].body;
    if (body.size() == 0) return Ambiguous(place, "the embedded message is empty");
    SEKISHO_TRY(const HeaderSection header, SplitHeader(raw_, body, limits_, place));
    std::string shown;
    for (const RawField& field : header.fields) {
      shown += field.name;
      shown += ": ";
      shown += DecodeText(field.value);
      shown += '\n';
    }
    SEKISHO_RETURN_IF_ERROR(AddText(shown, place, leaves_, mail_.parts[index]));
    // Inside an embedded message the outer boundaries still end parts.
    return ReadEntity(header, body.end, {index, position.depth + 1, position.section, true, false});
  }

  std::string_view raw_;
  const Limits& limits_;
  MailModel& mail_;
  LeafContext leaves_;
  std::vector<LeafFindings> findings_;   // by index of the part
  std::vector<std::string> boundaries_;  // of the multiparts we are in
};

Result<MailModel> ParseOctets(std::string_view raw, std::shared_ptr<const std::string> owner, const Limits& limits,
                              bool to_scan) {
  if (raw.size() > limits.message_octets) return MakeError(Code::kLimit, "the mail: it is too large");
  MailModel mail;
  mail.raw = raw;
  mail.owner = std::move(owner);
  SEKISHO_RETURN_IF_ERROR(CheckLines(raw));
  SEKISHO_TRY(const HeaderSection header, SplitHeader(raw, {0, raw.size()}, limits, "the mail"));
  SEKISHO_RETURN_IF_ERROR(TreeReader(raw, limits, to_scan, mail).Run(header));
  SEKISHO_RETURN_IF_ERROR(ReadMailHeader(header, limits, mail));
  return mail;
}

}  // namespace

Result<MailModel> Parse(std::shared_ptr<const std::string> raw, const Limits& limits) {
  const std::string_view octets = *raw;
  return ParseOctets(octets, std::move(raw), limits, true);
}

Result<MailModel> Parse(std::string_view raw, const Limits& limits) { return ParseOctets(raw, nullptr, limits, true); }

Result<MailModel> ParseToRewrite(std::string_view raw, const Limits& limits) {
  return ParseOctets(raw, nullptr, limits, false);
}

Result<MailHeader> ParseHeader(std::string_view raw, const Limits& limits) {
  // The section alone; what follows may be large and is nobody's business here.
  const size_t empty_line = raw.starts_with("\r\n") ? 0 : raw.find("\r\n\r\n");
  const std::string_view section = raw.substr(0, empty_line == std::string_view::npos ? raw.size() : empty_line + 4);
  if (section.size() > limits.header_octets + 4) return MakeError(Code::kLimit, "the mail: the header is too long");
  SEKISHO_RETURN_IF_ERROR(CheckLines(section));
  SEKISHO_TRY(const HeaderSection header, SplitHeader(section, {0, section.size()}, limits, "the mail"));
  SEKISHO_RETURN_IF_ERROR(CheckSingletons(header, true, "the mail"));
  MailHeader mail;
  SEKISHO_RETURN_IF_ERROR(ReadMailHeader(header, limits, mail));
  return mail;
}

}  // namespace sekisho::mime
