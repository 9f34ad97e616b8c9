#include "shared/mime/rewrite.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "shared/base/bytes.h"
#include "shared/mime/compose.h"
#include "shared/mime/seven_bit.h"
#include "shared/text/charset.h"
#include "shared/text/utf8.h"

namespace sekisho::mime {
namespace {

// What was written must be readable in one way, as what came was.
Status CheckReadable(std::string_view mail) {
  Limits limits;
  limits.message_octets = mail.size();  // base64 has made it larger; the peer's SIZE decides
  if (const Result<MailModel> read = ParseToRewrite(mail, limits); !read.ok())
    return Annotate(read.error(), "the rewritten mail");
  return Ok();
}

Result<std::string> Checked(std::string mail) {
  SEKISHO_RETURN_IF_ERROR(CheckReadable(mail));
  return mail;
}

// The label of text that came without MIME fields and isn't ASCII.
std::optional<std::string_view> LabelOf(const MailModel& mail) {
  const Part& root = mail.parts.front();
  const auto has_type = [](const HeaderField& field) { return AsciiEqualsIgnoreCase(field.name, "Content-Type"); };
  if (std::any_of(mail.fields.begin(), mail.fields.end(), has_type)) return std::nullopt;
  switch (text::Detect(mail.Octets(root.body)).kind) {
    case text::Charset::Kind::kAscii:
      return std::nullopt;
    case text::Charset::Kind::kUtf8:
      return "UTF-8";
    case text::Charset::Kind::kIso2022Jp:
      return "ISO-2022-JP";
    case text::Charset::Kind::kShiftJis:
      return "Shift_JIS";
    case text::Charset::Kind::kEucJp:
      return "EUC-JP";
    case text::Charset::Kind::kOther:
      return "windows-1252";
  }
  return std::nullopt;
}

// Takes parts out of the tree.
class Remover {
 public:
  Remover(const MailModel& mail, std::vector<size_t> removed) : mail_(mail), removed_(std::move(removed)) {}

  // The body of part `index` without what is removed; nullopt when nothing is left of it.
  std::optional<std::string> Body(size_t index) const {
    const Part& part = mail_.parts[index];
    if (IsRemoved(index)) return std::nullopt;
    if (part.role != Role::kMultipart) return std::string(mail_.Octets(part.body));
    std::vector<std::string> kept;
    for (const size_t child : ChildrenOf(mail_, index)) {
      if (std::optional<std::string> entity = Entity(child)) kept.push_back(*std::move(entity));
    }
    if (kept.empty()) return std::nullopt;
    return RejoinMultipart(mail_, index, kept);
  }

  std::optional<std::string> Entity(size_t index) const {
    std::optional<std::string> body = Body(index);
    if (!body) return std::nullopt;
    const Part& part = mail_.parts[index];
    // The header section, and the empty line where the part has one.
    std::string entity(mail_.Octets({part.header.begin, part.body.begin}));
    return entity + *body;
  }

 private:
  bool IsRemoved(size_t index) const { return std::find(removed_.begin(), removed_.end(), index) != removed_.end(); }

  const MailModel& mail_;
  const std::vector<size_t> removed_;
};

// Whether a multipart/signed or /encrypted stands between the part and the mail.
bool IsInsideSealed(const MailModel& mail, size_t index) {
  for (size_t at = index; at != 0; at = mail.parts[at].parent) {
    const Part& around = mail.parts[mail.parts[at].parent];
    if (around.type == "multipart" && (around.subtype == "signed" || around.subtype == "encrypted")) return true;
  }
  return false;
}

// What programs read of a receipt or a bounce (RFC 6522): without it, the mail is none any more. Only short text: a
// file doesn't leave unsealed by calling itself a report.
bool IsReport(const MailModel& mail, const Part& part) {
  constexpr size_t kLongest = 64 << 10;
  const Part& parent = mail.parts[part.parent];
  const bool named_so = part.type == "message" || (part.type == "text" && part.subtype == "rfc822-headers");
  const bool is_text =
      part.real_type == FileType::kText || part.real_type == FileType::kEml || part.real_type == FileType::kEmpty;
  return parent.type == "multipart" && parent.subtype == "report" && named_so && is_text &&
         part.decoded_size <= kLongest;
}

struct RootFields {
  std::string outer;    // all but Content-* and MIME-Version
  std::string content;  // Content-*
};

RootFields PartRootFields(const MailModel& mail) {
  RootFields fields;
  for (const HeaderField& field : mail.fields) {
    if (AsciiEqualsIgnoreCase(field.name, "MIME-Version")) continue;
    std::string& to = IsContentField(field.name) ? fields.content : fields.outer;
    to += mail.Octets(field.range);
    if (!to.ends_with("\r\n")) to += "\r\n";
  }
  return fields;
}

}  // namespace

std::vector<size_t> Attachments(const MailModel& mail) {
  std::vector<size_t> found;
  for (size_t i = 0; i < mail.parts.size(); ++i) {
    const Part& part = mail.parts[i];
    if (part.role == Role::kMessage) {
      found.push_back(i);
      while (i + 1 < mail.parts.size() && mail.parts[i + 1].depth > part.depth) ++i;  // its parts go with it
    } else if (part.role == Role::kAttachment && !IsReport(mail, part)) {
      found.push_back(i);
    }
  }
  return found;
}

Result<std::string> ReplaceAttachments(const MailModel& mail, NewAttachment attachment) {
  if (mail.IsSealedBySender()) return MakeError(Code::kPrecondition, "the mail is signed or encrypted by its sender");
  std::vector<size_t> attachments = Attachments(mail);
  if (attachments.empty()) return MakeError(Code::kPrecondition, "the mail has no attachment");
  for (const size_t index : attachments) {
    if (IsInsideSealed(mail, index))
      return MakeError(Code::kPrecondition, mail.parts[index].place + ": it is part of something signed or encrypted");
  }
  // It may be as large as the mail: each copy goes as soon as the next is made.
  SEKISHO_TRY(std::string entity, BuildAttachment(attachment));
  std::string().swap(attachment.content);
  const Part& root = mail.parts.front();
  const Remover remover(mail, std::move(attachments));
  if (root.role == Role::kMultipart && root.subtype == "mixed") {
    std::vector<std::string> entities;
    for (const size_t child : ChildrenOf(mail, 0)) {
      if (std::optional<std::string> kept = remover.Entity(child)) entities.push_back(*std::move(kept));
    }
    entities.push_back(std::move(entity));
    const std::string body = RejoinMultipart(mail, 0, entities);
    entities.clear();
    std::string whole(mail.Octets({0, root.body.begin}));
    whole += body;
    return Checked(std::move(whole));
  }
  const RootFields fields = PartRootFields(mail);
  std::vector<std::string> entities;
  if (std::optional<std::string> body = remover.Body(0)) entities.push_back(fields.content + "\r\n" + *body);
  entities.push_back(std::move(entity));
  const std::string multipart = ComposeMultipart("mixed", {}, entities, fields.outer);
  entities.clear();
  std::string whole = fields.outer + "MIME-Version: 1.0\r\n";
  whole += multipart;
  return Checked(std::move(whole));
}

Result<SplitMail> SplitForSealing(const MailModel& mail) {
  const bool seven_bit = text::IsAscii(mail.raw.substr(mail.parts.front().body.begin));
  if (mail.IsSealedBySender() && !seven_bit) {
    return MakeError(Code::kPrecondition, "the mail is signed or encrypted by its sender and can't be made 7-bit");
  }
  const RootFields fields = PartRootFields(mail);
  SplitMail split;
  split.mail = fields.outer + "MIME-Version: 1.0\r\n";
  split.entity_at = split.mail.size();
  if (mail.IsSealedBySender()) {
    split.mail.append(fields.content).append("\r\n").append(mail.Octets(mail.parts.front().body));
  } else {
    if (const auto label = LabelOf(mail))
      split.mail += "Content-Type: text/plain; charset=" + std::string(*label) + "\r\n";
    SEKISHO_TRY(split.mail, ToSevenBitEntity(mail, 0, true, std::move(split.mail)));
  }
  SEKISHO_RETURN_IF_ERROR(CheckReadable(split.mail));
  return split;
}

Result<std::string> ToSevenBit(const MailModel& mail) {
  if (text::IsAscii(mail.raw)) {
    const auto eight_bit = [](const Part& part) {
      return part.encoding == TransferEncoding::k8Bit || part.encoding == TransferEncoding::kBinary;
    };
    // A label alone may stay on sealed mail: the octets are what counts.
    if (mail.IsSealedBySender() || std::none_of(mail.parts.begin(), mail.parts.end(), eight_bit))
      return std::string(mail.raw);
  }
  if (mail.IsSealedBySender())
    return MakeError(Code::kPrecondition, "the mail is signed or encrypted by its sender and can't be made 7-bit");
  SEKISHO_TRY(std::string octets, ToSevenBitEntity(mail, 0, false));
  if (const auto label = LabelOf(mail))
    octets.insert(0, "Content-Type: text/plain; charset=" + std::string(*label) + "\r\n");
  return Checked(std::move(octets));
}

}  // namespace sekisho::mime
