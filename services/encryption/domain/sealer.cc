#include "services/encryption/domain/sealer.h"

#include <set>

#include "shared/archive/zip_writer.h"
#include "shared/mime/builder.h"
#include "shared/mime/model.h"
#include "shared/mime/rewrite.h"

namespace sekisho::encryption {
namespace {

// A name that a ZIP entry may have; two files never share one.
std::string EntryName(const mime::Part& part, std::set<std::string>& taken) {
  std::string name = part.file_name;
  for (char& c : name) {
    if (c == '/' || c == '\\' || (c >= 0 && c < 0x20) || c == 0x7f) c = '_';
  }
  if (name.empty()) name = part.role == mime::Role::kMessage ? "message.eml" : "file";
  if (name.size() > 240) name = "file";
  const size_t dot = name.rfind('.');
  const std::string stem = name.substr(0, dot), extension = dot == std::string::npos ? "" : name.substr(dot);
  std::string unique = name;
  for (int i = 2; !taken.insert(unique).second; ++i) unique = stem + " (" + std::to_string(i) + ")" + extension;
  return unique;
}

Result<std::string> ZipAttachments(const mime::MailModel& mail, const std::vector<size_t>& attachments,
                                   const Secret<std::string>& password, TimePoint now) {
  archive::ZipWriter zip(password);
  std::set<std::string> taken;
  for (const size_t index : attachments) {
    const mime::Part& part = mail.parts[index];
    SEKISHO_RETURN_IF_ERROR(zip.Begin(EntryName(part, taken), now));
    SEKISHO_RETURN_IF_ERROR(mime::DecodeContent(mail, part, [&](std::string_view octets) { return zip.Write(octets); }));
    SEKISHO_RETURN_IF_ERROR(zip.End());
  }
  return zip.Finish();
}

void AddRung(Sealed& sealed, std::string_view rung) {
  if (!sealed.rung.empty()) sealed.rung += ", ";
  sealed.rung += rung;
}

// The ZIP rung: a new mail in sealed.mail, or nothing where the mail has no attachment.
Status SealAttachments(const SealRequest& request, const mime::MailModel& mail, Sealed& sealed) {
  const std::vector<size_t> attachments = mime::Attachments(mail);
  if (attachments.empty()) return Ok();
  const bool agreed = request.agreed_password.has_value();
  const Secret<std::string> password = agreed ? *request.agreed_password : archive::NewPassword();
  mime::NewAttachment zip;
  zip.file_name = kZipName;
  zip.media_type = "application/zip";
  SEKISHO_TRY(zip.content, ZipAttachments(mail, attachments, password, request.now));
  SEKISHO_TRY(sealed.mail, mime::ReplaceAttachments(mail, zip));
  AddRung(sealed, "zip-aes256");
  if (agreed) sealed.key_ids.push_back("agreed-password:" + request.agreed_password_id);
  else sealed.password = password;
  return Ok();
}

Status SealSmime(const SealRequest& request, const mime::MailModel& mail, Sealed& sealed) {
  const bool encrypt = request.treatment.smime_encrypt();
  if (request.treatment.smime_sign() && request.signer == nullptr) {
    return MakeError(Code::kPrecondition, "there is no signing key for this sender; configure encryption.organization_signer");
  }
  if (encrypt && request.certificates.empty()) return MakeError(Code::kPrecondition, "no recipient has a certificate");
  SEKISHO_TRY(mime::SplitMail split, mime::SplitForSealing(mail));
  crypto::SignatureFrame frame;
  if (request.signer != nullptr) {
    SEKISHO_TRY(frame, request.signer->Sign(split.entity, request.now));
    sealed.key_ids.push_back(request.signer->certificate().fingerprint());
  }
  AddRung(sealed, !encrypt ? "smime-sign" : request.signer != nullptr ? "smime-sign+encrypt" : "smime-encrypt");
  if (!encrypt) {
    sealed.mail = mime::JoinSealed(split.outer_header, frame.head + split.entity + frame.tail);
    return Ok();
  }
  for (const crypto::Certificate& certificate : request.certificates) sealed.key_ids.push_back(certificate.fingerprint());
  std::string entity;
  entity.reserve(split.entity.size() * 3 / 2 + frame.tail.size() * 2 + 4096);
  const std::string_view pieces[] = {frame.head, split.entity, frame.tail};
  SEKISHO_RETURN_IF_ERROR(crypto::CmsEncrypt(pieces, request.certificates, crypto::ContentCipher::kAes256Cbc,
                                             [&](std::string_view octets) {
                                               entity += octets;
                                               return Ok();
                                             }));
  sealed.mail = mime::JoinSealed(split.outer_header, entity);
  return Ok();
}

}  // namespace

Result<Sealed> Seal(const SealRequest& request) {
  Sealed sealed;
  mime::Limits limits;
  limits.message_octets = request.mail.size() * 2 + (1 << 20);  // D1 passed the limits; sealing may add to it
  SEKISHO_TRY(mime::MailModel mail, mime::Parse(request.mail, limits));
  const bool zip = request.treatment.attachments() == mail::v1::ATTACHMENT_SEAL_ZIP_AES256;
  const bool smime = request.treatment.smime_sign() || request.treatment.smime_encrypt();
  if ((zip || smime) && mail.IsSealedBySender()) {
    return MakeError(Code::kPrecondition, "the sender's own client signed or encrypted this mail, so it cannot be changed; send it "
                                          "without, or have the policy let it pass as it is");
  }
  if (zip) SEKISHO_RETURN_IF_ERROR(SealAttachments(request, mail, sealed));
  if (smime) {
    const std::string zipped = std::move(sealed.mail);
    sealed.mail = {};
    if (!zipped.empty()) {
      SEKISHO_TRY(mail, mime::Parse(zipped, limits));
    }
    SEKISHO_RETURN_IF_ERROR(SealSmime(request, mail, sealed));
  }
  if (sealed.rung.empty()) {
    sealed.rung = "none";
    sealed.mail = request.mail;
  }
  return sealed;
}

}  // namespace sekisho::encryption
