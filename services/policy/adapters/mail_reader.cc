#include "services/policy/adapters/mail_reader.h"

#include <algorithm>

#include "shared/mime/file_type.h"

namespace sekisho::policy {
namespace {

using mime::FileType;
using mime::Part;
using mime::Role;
using Where = v1::ContentCondition;

// Nothing to read in these, as their first octets prove.
bool HasNoText(FileType type) {
  switch (type) {
    case FileType::kEmpty:
    case FileType::kPng:
    case FileType::kJpeg:
    case FileType::kGif:
    case FileType::kBmp:
    case FileType::kTiff:
    case FileType::kWebp:
    case FileType::kHeif:
    case FileType::kAudioVideo:
    case FileType::kPe:
    case FileType::kElf:
    case FileType::kMachO:
      return true;
    default:
      return false;
  }
}

// Documents hold no files that a rule about types or extensions is after; anything else that can't be read may.
bool IsDocument(FileType type) {
  return type == FileType::kPdf || type == FileType::kOoxml || type == FileType::kOdf || type == FileType::kRtf ||
         type == FileType::kOle || type == FileType::kText || type == FileType::kHtml || type == FileType::kXml;
}

}  // namespace

class MailReader::Reading {
 public:
  Reading(const MailReader& reader, const mime::MailModel& mail, bool look_into_attachments, MailFacts& facts)
      : reader_(reader), mail_(mail), look_(look_into_attachments), facts_(facts), left_(reader.limits_.attachments) {}

  Status Run() {
    for (const auto* addresses : {&mail_.to, &mail_.cc}) {
      for (const mime::Address& address : *addresses) {
        if (std::string spec = address.AddrSpec(); !spec.empty()) facts_.visible_addresses.push_back(std::move(spec));
      }
    }
    facts_.size = mail_.raw.size();
    facts_.seal = SealOf(mail_);
    AddText(Where::SUBJECT, "subject", mail_.subject, false);
    for (const Part& part : mail_.parts) SEKISHO_RETURN_IF_ERROR(AddPart(part));
    return Ok();
  }

 private:
  // What an opaque signature wraps is not hidden, but nobody here unwraps it: as good as encrypted.
  static SenderSeal SealOf(const mime::MailModel& mail) {
    if (mail.smime == mime::SmimeKind::kEnveloped || mail.smime == mime::SmimeKind::kOpaqueSigned ||
        mail.pgp == mime::PgpKind::kEncrypted) {
      return SenderSeal::kEncrypted;
    }
    return mail.IsSealedBySender() ? SenderSeal::kSigned : SenderSeal::kNone;
  }

  bool IsInsideAttachedMessage(const Part& part) const {
    for (size_t index = part.parent;; index = mail_.parts[index].parent) {
      if (mail_.parts[index].role == Role::kMessage) return true;
      if (mail_.parts[index].parent == index) return false;
    }
  }

  Status AddPart(const Part& part) {
    switch (part.role) {
      case Role::kMultipart:
        // What stands before and behind its parts: a program that can't read MIME shows it.
        AddText(IsInsideAttachedMessage(part) ? Where::ATTACHMENT_TEXT : Where::BODY, part.place, part.text);
        return Ok();
      case Role::kBodyText:
      case Role::kBodyHtml:
        AddText(IsInsideAttachedMessage(part) ? Where::ATTACHMENT_TEXT : Where::BODY, part.place, part.text);
        return part.embeds_files ? AddFile(part) : Ok();  // an invitation with a file in it
      case Role::kSignature:
        AddText(Where::ATTACHMENT_TEXT, part.place, part.text);  // before and behind an armoured one, say
        return IsMereSignature(part) ? Ok() : AddFile(part);
      case Role::kEncrypted:
      case Role::kOpaqueSigned: {
        // That of the mail as a whole is its seal.
        const bool of_mail = facts_.seal == SenderSeal::kEncrypted && !IsInsideAttachedMessage(part);
        if (!of_mail || !MayBeSeal(part)) return AddFile(part);
        if (part.real_type == FileType::kText) AddText(Where::ATTACHMENT_TEXT, part.place, part.text);
        return Ok();
      }
      case Role::kMessage:
        return AddMessage(part);
      case Role::kInlineImage:
      case Role::kAttachment:
        return AddFile(part);
    }
    return AddFile(part);
  }

  static bool IsMereSignature(const Part& part) {
    return (part.real_type == FileType::kPkcs7 || part.real_type == FileType::kPgp) && !part.encrypted &&
           !part.embeds_files;
  }

  // Whether its octets can be what they are said to be. A program, say, is a file whatever it calls itself.
  static bool MayBeSeal(const Part& part) {
    return part.real_type == FileType::kPkcs7 || part.real_type == FileType::kPgp ||
           part.real_type == FileType::kUnknown ||
           (part.subtype == "pgp-encrypted" && part.real_type == FileType::kText);  // "Version: 1"
  }

  AttachmentFacts FactsOf(const Part& part) const {
    AttachmentFacts file;
    file.place = part.place;
    file.file_name = part.file_name;
    file.extension = mime::Extension(part.file_name);
    file.type = part.real_type;
    file.size = part.decoded_size;
    file.encrypted = part.encrypted;
    file.shown_in_text = part.role == Role::kInlineImage && HasNoText(part.real_type);
    file.name_mismatch = part.name_mismatch || part.double_extension || part.deceptive_name;
    return file;
  }

  void AddNames(const Part& part) {
    if (!part.file_name.empty()) AddText(Where::ATTACHMENT_NAME, part.place + " name", part.file_name, false);
    for (const std::string& name : part.other_names) AddText(Where::ATTACHMENT_NAME, part.place + " name", name, false);
  }

  // Its parts follow it in the model; its own header is read here.
  Status AddMessage(const Part& part) {
    AddNames(part);
    AttachmentFacts file = FactsOf(part);
    file.type = FileType::kEml;
    SEKISHO_TRY(const std::string octets, mime::DecodeContent(mail_, part));
    const auto header = mime::ParseHeader(octets, reader_.limits_.mime);
    if (header.ok()) {
      AddText(Where::ATTACHMENT_TEXT, part.place + " subject", header->subject, false);
    } else {
      MarkUnreadable(file, header.error().detail);
    }
    facts_.attachments.push_back(std::move(file));
    return Ok();
  }

  Status AddFile(const Part& part) {
    AddNames(part);
    AttachmentFacts file = FactsOf(part);
    const bool is_text = part.type == "text";
    if (is_text) AddText(Where::ATTACHMENT_TEXT, part.place, part.text);
    if (part.embeds_files) MarkUnreadable(file, "it holds files that can't be listed");
    if (part.has_script) MarkUnreadable(file, "it runs script, which can make files of what it holds");
    if (part.encrypted) MarkUnreadable(file, "a password or key protects it");
    // Text is read as text, whatever the part says it is; only the sandbox can read the rest.
    const bool needs_sandbox = look_ && !HasNoText(part.real_type) && !(is_text && part.real_type == FileType::kText) &&
                               !(is_text && part.real_type == FileType::kHtml);
    const size_t index = facts_.attachments.size();
    facts_.attachments.push_back(std::move(file));
    return needs_sandbox ? Inspect(part, index) : Ok();
  }

  Status Inspect(const Part& part, size_t index) {
    if (left_.time <= Duration::zero()) {
      MarkUnreadable(facts_.attachments[index], "the mail's attachments take too long to scan");
      return Ok();
    }
    SEKISHO_TRY(const std::string octets, mime::DecodeContent(mail_, part));
    const auto begun = reader_.clock_.Steady();
    const auto inspected = reader_.sandbox_.Inspect(octets, part.file_name, left_);
    left_.time -= std::chrono::duration_cast<Duration>(reader_.clock_.Steady() - begun);
    if (!inspected.ok()) {
      if (inspected.error().retry == Retry::kLater) return Annotate(inspected.error(), "sandbox");
      MarkUnreadable(facts_.attachments[index], inspected.error().detail);
      return Ok();
    }
    Apply(inspected->reading, facts_.attachments[index]);
    const std::string place = facts_.attachments[index].place;
    for (const sandbox::Entry& entry : inspected->entries) {
      AttachmentFacts file;
      file.place = place + " > " + entry.name;
      file.file_name = entry.name;
      file.extension = mime::Extension(entry.name);
      file.type = entry.type;
      file.size = entry.size;
      const bool was_read =
          entry.reading != sandbox::Reading::kEncrypted && entry.reading != sandbox::Reading::kUnreadable;
      file.name_mismatch = (was_read && !mime::ExtensionFits(file.extension, entry.type)) ||
                           mime::HasDoubleExtension(entry.name) || mime::IsDeceptiveName(entry.name) ||
                           entry.unsafe_path;
      Apply(entry.reading, file);
      AddText(Where::ATTACHMENT_NAME, place + " name", entry.name, false);
      facts_.attachments.push_back(std::move(file));
    }
    for (const sandbox::Text& text : inspected->texts) {
      const bool is_entry = text.name != part.file_name && !text.name.empty();
      AddText(Where::ATTACHMENT_TEXT, is_entry ? place + " > " + text.name : place, text.text, true);
    }
    return Ok();
  }

  static void Apply(sandbox::Reading reading, AttachmentFacts& file) {
    if (reading == sandbox::Reading::kEncrypted) {
      file.encrypted = true;
      MarkUnreadable(file, "a password or key protects it");
    } else if (reading == sandbox::Reading::kUnreadable) {
      MarkUnreadable(file, "it is damaged or of a kind that can't be scanned");
    }
  }

  static void MarkUnreadable(AttachmentFacts& file, std::string why) {
    file.unreadable = true;
    file.contains_unknown = !IsDocument(file.type);
    if (file.why_unreadable.empty()) file.why_unreadable = std::move(why);
  }

  void AddText(TextPart where, std::string place, const text::Normalized& text) {
    if (!text.text.empty()) facts_.texts.push_back({where, std::move(place), true, &text});
  }
  void AddText(TextPart where, std::string place, std::string_view utf8, bool has_lines) {
    if (utf8.empty()) return;
    facts_.owned.push_back(text::Normalize(utf8));
    facts_.texts.push_back({where, std::move(place), has_lines, &facts_.owned.back()});
  }

  const MailReader& reader_;
  const mime::MailModel& mail_;
  const bool look_;
  MailFacts& facts_;
  sandbox::Limits left_;
};

Result<ReadMail> MailReader::Read(std::shared_ptr<const std::string> raw, bool look_into_attachments) const {
  SEKISHO_TRY(mime::MailModel model, mime::Parse(std::move(raw), limits_.mime));
  ReadMail read;
  read.model = std::make_unique<const mime::MailModel>(std::move(model));
  SEKISHO_RETURN_IF_ERROR(Reading(*this, *read.model, look_into_attachments, read.facts).Run());
  return read;
}

}  // namespace sekisho::policy
