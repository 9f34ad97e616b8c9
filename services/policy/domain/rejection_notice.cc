#include "services/policy/domain/rejection_notice.h"

#include <algorithm>

#include "shared/mime/builder.h"
#include "shared/text/utf8.h"

namespace sekisho::policy {
namespace {

constexpr size_t kSubjectShown = 100;

// What the sender wrote may hold what no field can: controls and line breaks, behind RFC 2047 words.
std::string Shown(const std::string& subject) { return text::Shorten(text::ShowInvisible(subject), kSubjectShown); }

bool FitsAField(std::string_view message_id) {
  return !message_id.empty() && message_id.size() <= 500 &&
         std::all_of(message_id.begin(), message_id.end(), [](char c) { return c > ' ' && c <= '~'; });
}

std::string List(const std::vector<std::string>& recipients) {
  std::string text;
  for (const std::string& recipient : recipients) text += "  " + recipient + "\n";
  return text;
}

std::string Japanese(const Rejection& rejection) {
  std::string text = "次の宛先へのメールは、送信されませんでした。\n\n" + List(rejection.recipients) +
                     "\n件名: " + Shown(rejection.subject) + "\n\n理由:\n";
  for (const mail::v1::Reason& reason : rejection.reasons) {
    text += "- " + reason.text_ja() + "\n";
    if (!reason.place().empty()) text += "  箇所: " + reason.place() + "\n";
    text += "  対処: " + reason.remedy_ja() + "\n  規則: " + reason.rule_id() + "\n";
  }
  return text;
}

std::string English(const Rejection& rejection) {
  std::string text = "Your mail to these recipients was not sent:\n\n" + List(rejection.recipients) +
                     "\nSubject: " + Shown(rejection.subject) + "\n\nWhy:\n";
  for (const mail::v1::Reason& reason : rejection.reasons) {
    text += "- " + reason.text_en() + "\n";
    if (!reason.place().empty()) text += "  Where: " + reason.place() + "\n";
    text += "  What to do: " + reason.remedy_en() + "\n  Rule: " + reason.rule_id() + "\n";
  }
  return text;
}

}  // namespace

std::string RejectionSubject(const Rejection& rejection) {
  return (rejection.language == "en" ? "Not sent: " : "送信できませんでした: ") + Shown(rejection.subject);
}

Result<std::string> WriteRejection(const Rejection& rejection) {
  const bool english_first = rejection.language == "en";
  mime::NewMail mail;
  mail.from = {"Sekisho", rejection.from};
  mail.to = {{"", rejection.to}};
  mail.subject = RejectionSubject(rejection);
  mail.date = rejection.date;
  mail.message_id = rejection.message_id;
  mail.fields = {{"Auto-Submitted", "auto-replied"}};
  if (FitsAField(rejection.mail_message_id)) mail.fields.emplace_back("In-Reply-To", rejection.mail_message_id);
  const std::string rule = "\n----------------------------------------\n\n";
  mail.text =
      english_first ? English(rejection) + rule + Japanese(rejection) : Japanese(rejection) + rule + English(rejection);
  return mime::BuildMail(mail);
}

}  // namespace sekisho::policy
