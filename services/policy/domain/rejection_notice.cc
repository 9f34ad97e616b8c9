#include "services/policy/domain/rejection_notice.h"

namespace sekisho::policy {
namespace {

constexpr size_t kIndent = 2;

void AddRecipients(const Rejection& rejection, notice::Body& body) {
  for (const std::string& recipient : rejection.recipients) body.Line(recipient, kIndent);
}

notice::Body Japanese(const Rejection& rejection) {
  notice::Body body;
  body.Line("次の宛先へのメールは、送信されませんでした。").Gap();
  AddRecipients(rejection, body);
  body.Gap().Field("件名", rejection.subject).Gap().Line("理由:");
  for (const mail::v1::Reason& reason : rejection.reasons) {
    body.Line("- " + reason.text_ja());
    body.Field("箇所", reason.place(), kIndent).Field("対処", reason.remedy_ja(), kIndent);
    body.Field("規則", reason.rule_id(), kIndent);
  }
  return body;
}

notice::Body English(const Rejection& rejection) {
  notice::Body body;
  body.Line("Your mail to these recipients was not sent:").Gap();
  AddRecipients(rejection, body);
  body.Gap().Field("Subject", rejection.subject).Gap().Line("Why:");
  for (const mail::v1::Reason& reason : rejection.reasons) {
    body.Line("- " + reason.text_en());
    body.Field("Where", reason.place(), kIndent).Field("What to do", reason.remedy_en(), kIndent);
    body.Field("Rule", reason.rule_id(), kIndent);
  }
  return body;
}

}  // namespace

notice::Letter WriteRejection(const Rejection& rejection) {
  notice::Letter letter;
  letter.to = rejection.to;
  const bool japanese = rejection.language == notice::Language::kJapanese;
  letter.subject = notice::SubjectLine(japanese ? "送信できませんでした" : "Not sent", rejection.subject);
  letter.text = notice::Bilingual(rejection.language, Japanese(rejection), English(rejection));
  letter.answers = rejection.mail_message_id;
  return letter;
}

}  // namespace sekisho::policy
