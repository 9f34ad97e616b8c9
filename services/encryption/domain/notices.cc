#include "services/encryption/domain/notices.h"

#include "services/encryption/domain/sealer.h"
#include "shared/mime/builder.h"

namespace sekisho::encryption {
namespace {

std::string Listed(const std::vector<std::string>& recipients) {
  std::string text;
  for (const std::string& recipient : recipients) text += "  " + recipient + "\n";
  return text;
}

std::string Both(const NoticeAbout& about, const std::string& ja, const std::string& en) {
  const std::string line = "\n----------------------------------------\n\n";
  return about.language == "en" ? en + line + ja : ja + line + en;
}

Result<std::string> Build(const NoticeAbout& about, const std::string& subject, const std::string& text) {
  mime::NewMail mail;
  mail.from = {"Sekisho", about.from};
  mail.to = {{"", about.to}};
  mail.subject = subject;
  mail.date = about.date;
  mail.message_id = about.message_id;
  mail.fields = {{"Auto-Submitted", "auto-generated"}};  // RFC 3834
  mail.text = text;
  return mime::BuildMail(mail);
}

}  // namespace

std::string PasswordSubject(const NoticeAbout& about) {
  return (about.language == "en" ? "Password for the attachments: " : "添付ファイルのパスワード: ") + about.subject;
}

std::string RefusalSubject(const NoticeAbout& about) {
  return (about.language == "en" ? "Not sent, could not be sealed: " : "送信できませんでした（暗号化できません）: ") + about.subject;
}

Result<std::string> WritePasswordNotice(const NoticeAbout& about, const Secret<std::string>& password) {
  const std::string zip(kZipName);
  const std::string ja = "メールの添付ファイルを暗号化ZIP（" + zip + "、AES-256）にして送りました。\n"
      "次のパスワードを、電話など、このメールとは別の方法で宛先にお伝えください。\n\n"
      "件名: " + about.subject + "\n宛先:\n" + Listed(about.recipients) + "\nパスワード:\n\n" + password.Reveal() + "\n\n"
      "Windowsのエクスプローラーでは開けません。7-Zipなどをお使いいただくよう、あわせてお伝えください。\n";
  const std::string en = "The attachments of your mail went as an encrypted ZIP (" + zip + ", AES-256).\n"
      "Tell the recipients this password by another way than this mail, for example by phone.\n\n"
      "Subject: " + about.subject + "\nTo:\n" + Listed(about.recipients) + "\nPassword:\n\n" + password.Reveal() + "\n\n"
      "Windows Explorer cannot open it: 7-Zip and similar tools can.\n";
  return Build(about, PasswordSubject(about), Both(about, ja, en));
}

Result<std::string> WriteRefusalNotice(const NoticeAbout& about, const std::string& reason) {
  const std::string ja = "次のメールは、規則どおりに暗号化または署名できないため、送信していません。\n\n"
      "件名: " + about.subject + "\n宛先:\n" + Listed(about.recipients) + "\n理由: " + reason + "\n\n"
      "宛先の証明書が必要な場合は、セキュリティ担当者に登録を依頼してください（sekisho cert import ファイル）。\n"
      "そのうえで、もう一度送信してください。\n";
  const std::string en = "This mail was not sent, because it could not be signed or encrypted as the policy asks.\n\n"
      "Subject: " + about.subject + "\nTo:\n" + Listed(about.recipients) + "\nReason: " + reason + "\n\n"
      "If a recipient's certificate is missing, ask your security officer to import it (sekisho cert import FILE).\n"
      "Then send the mail again.\n";
  return Build(about, RefusalSubject(about), Both(about, ja, en));
}

}  // namespace sekisho::encryption
