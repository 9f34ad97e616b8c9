#include "services/encryption/domain/notices.h"

namespace sekisho::encryption {
namespace {

using notice::Body;

constexpr size_t kIndent = 2;

// The mail that a notice is about.
void AddMail(Body& body, const NoticeAbout& about, const char* subject, const char* to) {
  body.Gap().Field(subject, about.subject).Line(to);
  for (const std::string& recipient : about.recipients) body.Line(recipient, kIndent);
  body.Gap();
}

void AddPassword(Body& body, const char* label, const Secret<std::string>& password) {
  body.Line(label).Gap().Line(password.Reveal()).Gap();
}

void AddLacking(Body& body, const char* label, const NoticeAbout& about, const Refusal& refusal) {
  if (refusal.lacking.empty()) return;
  body.Gap().Line(label);
  for (const Refusal::Lacking& lacking : refusal.lacking) {
    body.Line(about.recipients.at(lacking.recipient), kIndent).Line(lacking.why, 2 * kIndent);
  }
}

notice::Letter MakeLetter(const NoticeAbout& about, const char* title_ja, const char* title_en, const Body& ja,
                          const Body& en) {
  notice::Letter letter;
  letter.to = about.to;
  letter.subject =
      notice::SubjectLine(about.language == notice::Language::kJapanese ? title_ja : title_en, about.subject);
  letter.text = notice::Bilingual(about.language, ja, en);
  return letter;
}

}  // namespace

notice::Letter WritePasswordNotice(const NoticeAbout& about, const Secret<std::string>& password) {
  const std::string zip(kZipName);
  Body ja, en;
  ja.Line("メールの添付ファイルを暗号化ZIP（" + zip + "、AES-256）にして送りました。");
  ja.Line("次のパスワードを、電話など、メールとは別の方法で宛先にお伝えください。このメールは転送しないでください。");
  AddMail(ja, about, "件名", "宛先:");
  AddPassword(ja, "パスワード:", password);
  ja.Line("Windowsのエクスプローラーでは開けません。7-Zipなどをお使いいただくよう、あわせてお伝えください。");
  en.Line("The attachments of your mail went as an encrypted ZIP (" + zip + ", AES-256).");
  en.Line(
      "Tell the recipients this password by another way than mail, for example by phone. Do not forward this mail.");
  AddMail(en, about, "Subject", "To:");
  AddPassword(en, "Password:", password);
  en.Line("Windows Explorer cannot open it; 7-Zip and similar tools can. Tell them that too.");
  notice::Letter letter = MakeLetter(about, "添付ファイルのパスワード", "Password for the attachments", ja, en);
  letter.kind = mail::v1::SYSTEM_MAIL_PASSWORD;
  return letter;
}

notice::Letter WriteRefusalNotice(const NoticeAbout& about, const Refusal& refusal) {
  Body ja, en;
  ja.Line("次の宛先へのメールは、規則どおりに暗号化または署名できないため、送信していません。");
  AddMail(ja, about, "件名", "宛先:");
  ja.Line("理由と対処:").Line(refusal.ja);
  AddLacking(ja, "証明書が使えない宛先:", about, refusal);
  en.Line(
      "Your mail to these recipients was not sent, because it could not be signed or encrypted as the policy asks.");
  AddMail(en, about, "Subject", "To:");
  en.Line("Why, and what to do:").Line(refusal.en);
  AddLacking(en, "Without a usable certificate:", about, refusal);
  return MakeLetter(about, "送信できませんでした（暗号化できません）", "Not sent, could not be sealed", ja, en);
}

}  // namespace sekisho::encryption
