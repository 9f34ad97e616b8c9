#include "services/encryption/domain/sealer.h"

#include <set>

#include "services/encryption/domain/zip_rung.h"
#include "shared/archive/zip_writer.h"
#include "shared/mime/rewrite.h"

namespace sekisho::encryption {
namespace {

bool AsksZip(const mail::v1::Treatment& treatment) {
  return treatment.attachments() == mail::v1::ATTACHMENT_SEAL_ZIP_AES256;
}
bool AsksSmime(const mail::v1::Treatment& treatment) { return treatment.smime_sign() || treatment.smime_encrypt(); }

// What a newer policy may ask and this version cannot do must not get lost.
Status CheckKnown(const mail::v1::Treatment& treatment) {
  if ((treatment.attachments() == mail::v1::ATTACHMENT_SEAL_UNSPECIFIED || AsksZip(treatment)) &&
      treatment.GetReflection()->GetUnknownFields(treatment).empty()) {
    return Ok();
  }
  return MakeError(Code::kUnsupported, "the policy asks for a seal that this version doesn't know");
}

Refusal Because(std::string_view cause, std::string en, std::string ja) {
  return {cause, std::move(en), std::move(ja), {}};
}

// What cannot be done to the mail by any trying; found before anything is written.
std::optional<Refusal> WhyNot(const SealRequest& request, const mime::MailModel& mail, bool makes_password) {
  if (mail.IsSealedBySender()) {
    return Because("sealed_by_sender",
                   "the sender's own program signed or encrypted this mail, so it cannot be changed: send it without "
                   "that, or ask for "
                   "a policy that lets it pass as it is",
                   "送信者のメールソフトで署名または暗号化されているため、内容を変更できません。署名・暗号化を外して送"
                   "信してください。");
  }
  if (makes_password && !request.sender_can_be_told) {
    return Because(
        "nobody_to_tell",
        "a password would be made, and the mail has no sender to be told it: agree one with the recipients beforehand",
        "送信者のアドレスがないため、パスワードを通知できません。宛先とあらかじめ取り決めたパスワードを登録してください"
        "。");
  }
  if (request.treatment.smime_sign() && request.signer == nullptr) {
    return Because("no_signing_key", "there is no signing key for this sender: ask your administrator to configure one",
                   "この送信者の署名鍵がありません。管理者に設定を依頼してください。");
  }
  if (AsksSmime(request.treatment) && request.signer != nullptr) {
    if (const Status usable = crypto::CheckForSigning(request.signer->certificate(), request.now); !usable.ok()) {
      return Because("signing_key_unusable", "our signing certificate cannot be used: " + usable.error().detail,
                     "署名用の証明書が使えません。管理者に更新を依頼してください。（" + usable.error().detail + "）");
    }
  }
  if (!request.treatment.smime_encrypt()) return std::nullopt;
  Refusal refusal = Because("no_certificate",
                            "a recipient has no certificate that can be used: ask your security officer to import one "
                            "(sekisho cert import FILE), then send the mail again",
                            "暗号化に使える証明書がない宛先があります。セキュリティ担当者に証明書の登録を依頼し（sekish"
                            "o cert import ファイル）、"
                            "もう一度送信してください。");
  for (size_t i = 0; i < request.certificates.size(); ++i) {
    if (!request.certificates[i].ok()) refusal.lacking.push_back({i, request.certificates[i].error().detail});
  }
  if (refusal.lacking.empty() && !request.certificates.empty()) return std::nullopt;
  return refusal;
}

// The error of something that failed although nothing spoke against it: ours to park or retry, or the mail's.
Result<std::variant<Sealed, Refusal>> Failed(const Error& error) {
  switch (error.code) {
    case Code::kMalformed:
    case Code::kLimit:
    case Code::kPrecondition:
    case Code::kInvalid:
      if (error.retry == Retry::kLater) return error;
      return std::variant<Sealed, Refusal>(
          Because("cannot_be_changed", "the mail cannot be sealed as it is written: " + error.detail,
                  "メールの構造のため、暗号化または署名ができません。（" + error.detail + "）"));
    default:
      return error;
  }
}

void AddRung(Sealed& sealed, std::string_view rung) {
  if (!sealed.rung.empty()) sealed.rung += ", ";
  sealed.rung += rung;
}

Status SealSmime(const SealRequest& request, const mime::MailModel& mail, Sealed& sealed, D2Sink d2) {
  const bool encrypt = request.treatment.smime_encrypt();
  SEKISHO_TRY(const mime::SplitMail split, mime::SplitForSealing(mail));
  crypto::SignatureFrame frame;
  if (request.signer != nullptr) {
    SEKISHO_TRY(frame, request.signer->Sign(split.entity(), request.now));
    sealed.key_ids.push_back(request.signer->certificate().fingerprint());
  }
  AddRung(sealed, !encrypt ? "smime-sign" : request.signer != nullptr ? "smime-sign+encrypt" : "smime-encrypt");
  SEKISHO_RETURN_IF_ERROR(d2(split.outer()));
  const std::string_view pieces[] = {frame.head, split.entity(), frame.tail};
  if (!encrypt) {
    for (const std::string_view piece : pieces) SEKISHO_RETURN_IF_ERROR(d2(piece));
    return Ok();
  }
  std::vector<crypto::Certificate> certificates;
  std::set<std::string_view> known;  // one certificate may be that of several recipients
  for (const auto& certificate : request.certificates) {
    if (!known.insert(certificate->fingerprint()).second) continue;
    certificates.push_back(*certificate);
    sealed.key_ids.push_back(certificate->fingerprint());
  }
  return crypto::CmsEncrypt(pieces, certificates, crypto::ContentCipher::kAes256Cbc, d2);
}

Status SealMail(const SealRequest& request, mime::MailModel mail, const mime::Limits& limits,
                const std::vector<size_t>& attachments, Sealed& sealed, D2Sink d2) {
  std::string zipped;
  if (!attachments.empty()) {
    const Secret<std::string> password = request.agreed ? request.agreed->password : archive::NewPassword();
    SEKISHO_TRY(zipped, ZipAttachments(mail, attachments, password, request.now));
    AddRung(sealed, "zip-aes256");
    if (request.agreed)
      sealed.key_ids.push_back("agreed-password:" + request.agreed->id);
    else
      sealed.password = password;
    if (!AsksSmime(request.treatment)) return d2(zipped);
    SEKISHO_TRY(mail, mime::ParseToRewrite(zipped, limits));
  }
  return SealSmime(request, mail, sealed, d2);
}

}  // namespace

Result<std::variant<Sealed, Refusal>> Seal(const SealRequest& request, D2Sink d2) {
  SEKISHO_RETURN_IF_ERROR(CheckKnown(request.treatment));
  Sealed sealed;
  const bool zip = AsksZip(request.treatment), smime = AsksSmime(request.treatment);
  const auto unchanged = [&] {
    sealed.rung = "none";
    sealed.unchanged = true;
    return std::variant<Sealed, Refusal>(std::move(sealed));
  };
  if (!zip && !smime) return unchanged();
  mime::Limits limits = request.limits;
  limits.message_octets =
      request.mail.size() * 2 + (1 << 20);  // sealing adds to it; the next host decides what is too large
  auto mail = mime::ParseToRewrite(request.mail, limits);
  if (!mail.ok()) return Failed(mail.error());
  std::vector<size_t> attachments;
  if (zip) attachments = mime::Attachments(*mail);
  if (auto refusal = WhyNot(request, *mail, !attachments.empty() && !request.agreed)) {
    return std::variant<Sealed, Refusal>(*std::move(refusal));
  }
  if (attachments.empty() && !smime) return unchanged();
  const Status done = SealMail(request, *std::move(mail), limits, attachments, sealed, d2);
  if (!done.ok()) return Failed(done.error());
  return std::variant<Sealed, Refusal>(std::move(sealed));
}

}  // namespace sekisho::encryption
