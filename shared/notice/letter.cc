#include "shared/notice/letter.h"

#include <algorithm>

namespace sekisho::notice {
namespace {

constexpr size_t kLongestMessageId = 500;

bool FitsAField(std::string_view message_id) {
  return message_id.size() > 2 && message_id.size() <= kLongestMessageId && message_id.front() == '<' &&
         message_id.back() == '>' &&
         std::all_of(message_id.begin(), message_id.end(), [](char c) { return c > ' ' && c <= '~'; });
}

}  // namespace

Result<std::string> Compose(const Letter& letter, const Stamp& stamp) {
  mime::NewMail mail;
  mail.from = {"Sekisho", stamp.from};
  mail.to = {{"", letter.to}};
  mail.subject = letter.subject;
  mail.date = stamp.date;
  mail.message_id = stamp.message_id;
  mail.fields = {{"Auto-Submitted", letter.answers.empty() ? "auto-generated" : "auto-replied"}};
  if (FitsAField(letter.answers)) {
    mail.fields.emplace_back("In-Reply-To", letter.answers);
    mail.fields.emplace_back("References", letter.answers);
  }
  mail.text = letter.text;
  mail.attachments = letter.attachments;
  mail.report = letter.report;
  return mime::BuildMail(mail);
}

}  // namespace sekisho::notice
