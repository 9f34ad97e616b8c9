#include "services/encryption/domain/notices.h"

#include "shared/mime/builder.h"
#include "shared/text/utf8.h"

namespace sekisho::encryption {
namespace {

constexpr size_t kSubjectShown = 100;

// What the sender wrote may hold what no field can.
std::string Shown(const std::string& subject) { return text::Shorten(text::ShowInvisible(subject), kSubjectShown); }

bool IsEnglish(const NoticeAbout& about) { return about.language == "en"; }

std::string Listed(const std::vector<std::string>& recipients) {
  std::string text;
  for (const std::string& recipient : recipients) text += "  " + recipient + "\n";
  return text;
}

std::string Listed(const NoticeAbout& about, const Refusal& refusal) {
  std::string text;
  for (const Refusal::Lacking& lacking : refusal.lacking) {
    text += "  " + about.recipients.at(lacking.recipient) + "\n    " + lacking.why + "\n";
  }
  return text;
}

Result<std::string> Build(const NoticeAbout& about, const std::string& subject, const std::string& ja, const std::string& en) {
  const std::string line = "\n----------------------------------------\n\n";
  mime::NewMail mail;
  mail.from = {"Sekisho", about.from};
  mail.to = {{"", about.to}};
  mail.subject = subject;
  mail.date = about.date;
  mail.message_id = about.message_id;
  mail.fields = {{"Auto-Submitted", "auto-generated"}};  // RFC 3834
  mail.text = IsEnglish(about) ? en + line + ja : ja + line + en;
  return mime::BuildMail(mail);
}

}  // namespace

std::string PasswordSubject(const NoticeAbout& about) {
  return (IsEnglish(about) ? "Password for the attachments: " : "添付ファイルのパスワード: ") + Shown(about.subject);
}

std::string RefusalSubject(const NoticeAbout& about) {
  return (IsEnglish(about) ? "Not sent, could not be sealed: " : "送信できませんでした（暗号化できません）: ") + Shown(about.subject);
}

Result<std::string> WritePasswordNotice(const NoticeAbout& about, const Secret<std::string>& password) {
  const std::string zip(kZipName), subject = Shown(about.subject), recipients = Listed(about.recipients);
  const std::string ja = "メールの添付ファイルを暗号化ZIP（" + zip + "、AES-256）にして送りました。\n"
      "次のパスワードを、電話など、メールとは別の方法で宛先にお伝えください。このメールは転送しないでください。\n\n"
      "件名: " + subject + "\n宛先:\n" + recipients + "\nパスワード:\n\n" + password.Reveal() + "\n\n"
      "Windowsのエクスプローラーでは開けません。7-Zipなどをお使いいただくよう、あわせてお伝えください。\n";
  const std::string en = "The attachments of your mail went as an encrypted ZIP (" + zip + ", AES-256).\n"
      "Tell the recipients this password by another way than mail, for example by phone. Do not forward this mail.\n\n"
      "Subject: " + subject + "\nTo:\n" + recipients + "\nPassword:\n\n" + password.Reveal() + "\n\n"
      "Windows Explorer cannot open it; 7-Zip and similar tools can. Tell them that too.\n";
  return Build(about, PasswordSubject(about), ja, en);
}

Result<std::string> WriteRefusalNotice(const NoticeAbout& about, const Refusal& refusal) {
  const std::string subject = Shown(about.subject), recipients = Listed(about.recipients), lacking = Listed(about, refusal);
  std::string ja = "次の宛先へのメールは、規則どおりに暗号化または署名できないため、送信していません。\n\n"
      "件名: " + subject + "\n宛先:\n" + recipients + "\n理由と対処:\n" + refusal.ja + "\n";
  if (!lacking.empty()) ja += "\n証明書が使えない宛先:\n" + lacking;
  std::string en = "Your mail to these recipients was not sent, because it could not be signed or encrypted as the policy asks.\n\n"
      "Subject: " + subject + "\nTo:\n" + recipients + "\nWhy, and what to do:\n" + refusal.en + "\n";
  if (!lacking.empty()) en += "\nWithout a usable certificate:\n" + lacking;
  return Build(about, RefusalSubject(about), ja, en);
}

}  // namespace sekisho::encryption
