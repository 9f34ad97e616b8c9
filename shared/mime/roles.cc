#include "shared/mime/roles.h"

#include <algorithm>

#include "shared/base/bytes.h"
#include "shared/mime/file_type.h"

namespace sekisho::mime {
namespace {

// What the multiparts around a part say about it.
struct Surroundings {
  bool alternative = false;
  bool related = false;    // beside the root of a multipart/related
  bool signature = false;  // the second part of a multipart/signed
  bool encrypted = false;  // in a multipart/encrypted
  bool report = false;     // behind the first part of a multipart/report
};

// Numbers within one message; an embedded one begins anew.
struct Counts {
  std::string prefix;
  size_t bodies = 0, html_bodies = 0, attachments = 0, images = 0;
};

bool IsText(FileType type) {
  switch (type) {
    case FileType::kUnknown:
    case FileType::kEmpty:
    case FileType::kText:
    case FileType::kHtml:
    case FileType::kXml:
    case FileType::kSvg:
    case FileType::kEml:
    case FileType::kPgp:
    case FileType::kScript:
    case FileType::kIcs:
      return true;
    default:
      return false;
  }
}

bool IsPicture(FileType type) {
  switch (type) {
    case FileType::kPng:
    case FileType::kJpeg:
    case FileType::kGif:
    case FileType::kBmp:
    case FileType::kTiff:
    case FileType::kWebp:
    case FileType::kHeif:
    case FileType::kSvg:
      return true;
    default:
      return false;
  }
}

bool IsPkcs7Mime(const Part& part) {
  return part.type == "application" && (part.subtype == "pkcs7-mime" || part.subtype == "x-pkcs7-mime");
}

bool IsSignature(const Part& part) {
  return part.type == "application" &&
         (part.subtype == "pkcs7-signature" || part.subtype == "x-pkcs7-signature" || part.subtype == "pgp-signature");
}

void JudgeName(Part& part) {
  const std::string extension = Extension(part.file_name);
  part.name_mismatch = !ExtensionFits(extension, part.real_type);
  part.double_extension = HasDoubleExtension(part.file_name);
  part.deceptive_name = IsDeceptiveName(part.file_name);
  for (const std::string& other : part.other_names) {
    part.name_mismatch |= Extension(other) != extension;
    part.double_extension |= HasDoubleExtension(other);
    part.deceptive_name |= IsDeceptiveName(other);
  }
}

class RoleAssigner {
 public:
  RoleAssigner(const std::vector<LeafFindings>& findings, const std::set<std::string>& shown_images, MailModel& mail)
      : findings_(findings), shown_images_(shown_images), mail_(mail), children_(mail.parts.size()) {
    for (size_t i = 1; i < mail.parts.size(); ++i) children_[mail.parts[i].parent].push_back(i);
  }

  void Run() {
    Counts counts;
    Visit(0, {}, counts);
    JudgeMail();
  }

 private:
  void Visit(size_t index, Surroundings around, Counts& counts) {
    Part& part = mail_.parts[index];
    if (part.type == "multipart") {
      part.role = Role::kMultipart;
      part.place = part.section.empty() ? "the mail" : "part " + part.section;
      for (size_t i = 0; i < children_[index].size(); ++i)
        Visit(children_[index][i], Inside(part, children_[index], i, around), counts);
      return;
    }
    if (!children_[index].empty()) {
      part.role = Role::kMessage;
      part.real_type = FileType::kEml;
      part.place = Number("attachment", ++counts.attachments, counts);
      part.deceptive_name = IsDeceptiveName(part.file_name);
      Counts inner;
      inner.prefix = part.place + " > ";
      for (const size_t child : children_[index]) Visit(child, {}, inner);
      return;
    }
    JudgeName(part);
    part.role = RoleOf(part, findings_[index], around);
    part.encrypted |= part.role == Role::kEncrypted;
    if (part.role == Role::kSignature) {
      // A signature beside what it signs holds nothing else.
      part.encrypted |= findings_[index].cms == CmsKind::kHiding;
      part.embeds_files |= findings_[index].cms == CmsKind::kSigned;
    }
    part.place = PlaceOf(part, counts);
  }

  Surroundings Inside(const Part& part, const std::vector<size_t>& children, size_t child,
                      const Surroundings& around) const {
    Surroundings inside;
    inside.related = around.related;
    if (part.subtype == "alternative") inside.alternative = true;
    if (part.subtype == "related") {
      // RFC 2387 §3.2: the root is the first part, or what `start` names.
      const std::string start(part.FindParameter("start"));
      size_t root = 0;
      for (size_t i = 0; i < children.size(); ++i) {
        if (!start.empty() && "<" + mail_.parts[children[i]].content_id + ">" == start) root = i;
      }
      inside.related |= child != root;
      inside.alternative = around.alternative && child == root;
    }
    if (part.subtype == "signed") {
      inside.signature = child == 1;
      inside.alternative = around.alternative && child == 0;
    }
    inside.encrypted = part.subtype == "encrypted";
    inside.report = part.subtype == "report" && child > 0;
    return inside;
  }

  Role RoleOf(const Part& part, const LeafFindings& findings, const Surroundings& around) const {
    if (around.signature || IsSignature(part)) return Role::kSignature;
    if (around.encrypted) return Role::kEncrypted;
    const bool named_p7m = Extension(part.file_name) == "p7m";
    if (IsPkcs7Mime(part) || named_p7m) {
      if (AsciiEqualsIgnoreCase(part.FindParameter("smime-type"), "certs-only")) return Role::kAttachment;
      // What can't be told from its octets can't be read either.
      const bool open = findings.cms == CmsKind::kSigned || findings.cms == CmsKind::kDetached;
      return open ? Role::kOpaqueSigned : Role::kEncrypted;
    }
    if (part.type == "text" && part.disposition != Disposition::kAttachment && !around.report &&
        IsText(part.real_type) && !findings.binary) {
      const bool prose = part.subtype == "plain" || part.subtype == "html" || part.subtype == "enriched";
      const bool alone = mail_.parts.size() == 1;
      if (prose && (part.file_name.empty() || around.alternative || alone) && !around.related) {
        return part.subtype == "html" ? Role::kBodyHtml : Role::kBodyText;
      }
      if (around.alternative && part.file_name.empty()) return Role::kBodyText;  // a calendar beside its text, say
    }
    const bool shows = part.type == "image" && IsPicture(part.real_type) && !part.content_id.empty() &&
                       shown_images_.count(part.content_id) != 0;
    if (shows && part.disposition != Disposition::kAttachment && !part.name_mismatch) return Role::kInlineImage;
    return Role::kAttachment;
  }

  static std::string Number(std::string_view what, size_t number, const Counts& counts) {
    return counts.prefix + std::string(what) + " " + std::to_string(number);
  }

  static std::string PlaceOf(const Part& part, Counts& counts) {
    switch (part.role) {
      case Role::kBodyText:
        return ++counts.bodies == 1 ? counts.prefix + "body" : Number("body", counts.bodies, counts);
      case Role::kBodyHtml:
        return ++counts.html_bodies == 1 ? counts.prefix + "HTML body"
                                         : Number("HTML body", counts.html_bodies, counts);
      case Role::kInlineImage:
        return Number("inline image", ++counts.images, counts);
      case Role::kSignature:
        return counts.prefix + "signature";
      case Role::kOpaqueSigned:
        return counts.prefix + "signed content";
      case Role::kEncrypted:
        return counts.prefix + "encrypted content";
      default:
        return Number("attachment", ++counts.attachments, counts);
    }
  }

  void JudgeMail() {
    const Part& root = mail_.parts.front();
    if (root.role == Role::kMultipart && root.subtype == "signed") {
      const bool pgp = mail_.parts[children_[0][1]].subtype == "pgp-signature";
      if (pgp) {
        mail_.pgp = PgpKind::kSigned;
      } else {
        mail_.smime = SmimeKind::kClearSigned;  // an unknown protocol is a signature as well: it must not be broken
      }
    } else if (root.role == Role::kMultipart && root.subtype == "encrypted") {
      mail_.pgp = PgpKind::kEncrypted;
    } else if (root.role == Role::kOpaqueSigned) {
      mail_.smime = SmimeKind::kOpaqueSigned;
    } else if (root.role == Role::kEncrypted) {
      mail_.smime = SmimeKind::kEnveloped;
    }
    for (size_t i = 0; i < mail_.parts.size() && mail_.pgp == PgpKind::kNone; ++i) {
      if (mail_.parts[i].role == Role::kBodyText && mail_.parts[i].place == "body") mail_.pgp = findings_[i].pgp;
    }
  }

  const std::vector<LeafFindings>& findings_;
  const std::set<std::string>& shown_images_;
  MailModel& mail_;
  std::vector<std::vector<size_t>> children_;
};

}  // namespace

void AssignRoles(const std::vector<LeafFindings>& findings, const std::set<std::string>& shown_images,
                 MailModel& mail) {
  RoleAssigner(findings, shown_images, mail).Run();
}

}  // namespace sekisho::mime
