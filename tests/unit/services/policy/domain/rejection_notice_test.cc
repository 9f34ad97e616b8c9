#include "services/policy/domain/rejection_notice.h"

#include <gmock/gmock.h>

#include "shared/mime/model.h"

namespace sekisho::policy {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Rejection Sample(notice::Language language) {
  Rejection rejection;
  rejection.to = "hanako@example.jp";
  rejection.language = language;
  rejection.subject = "見積\r\nBcc: evil@x.example";
  rejection.mail_message_id = "<1@example.jp>";
  rejection.recipients = {"x@a.example"};
  mail::v1::Reason& reason = rejection.reasons.emplace_back();
  reason.set_rule_id("never");
  reason.set_text_ja("理由です");
  reason.set_text_en("the reason");
  reason.set_place("body line 3");
  reason.set_evidence("辞書の語");
  reason.set_remedy_ja("対処です");
  reason.set_remedy_en("the remedy");
  return rejection;
}

std::string TextOf(const Rejection& rejection, std::string& subject) {
  const auto octets = notice::Compose(
      WriteRejection(rejection), {"postmaster@example.jp", "<2@gw.example.jp>", FromMicros(1'795'482'123'000'000)});
  EXPECT_TRUE(octets.ok()) << (octets.ok() ? "" : octets.error().ToString());
  if (!octets.ok()) return {};
  const auto mail = mime::Parse(*octets);
  EXPECT_TRUE(mail.ok());
  subject = mail->subject;
  EXPECT_TRUE(mail->bcc.empty());
  return *mime::ReadableText(*mail, mail->parts[0]);
}

TEST(RejectionNoticeTest, SpeaksTheSendersLanguageFirst) {
  std::string subject;
  const std::string japanese = TextOf(Sample(notice::Language::kJapanese), subject);
  EXPECT_THAT(subject, HasSubstr("送信できませんでした: 見積"));
  EXPECT_LT(japanese.find("理由です"), japanese.find("the reason"));
  const std::string english = TextOf(Sample(notice::Language::kEnglish), subject);
  EXPECT_THAT(subject, HasSubstr("Not sent: "));
  EXPECT_LT(english.find("the reason"), english.find("理由です"));
}

TEST(RejectionNoticeTest, TellsWhyWhereAndWhatToDoButNoTerm) {
  std::string subject;
  const std::string text = TextOf(Sample(notice::Language::kJapanese), subject);
  for (const char* each : {"x@a.example", "body line 3", "対処です", "the remedy", "never"})
    EXPECT_THAT(text, HasSubstr(each));
  EXPECT_THAT(text, Not(HasSubstr("辞書の語")));
}

TEST(RejectionNoticeTest, AnswersTheMailThatWasBlocked) {
  EXPECT_EQ(WriteRejection(Sample(notice::Language::kJapanese)).answers, "<1@example.jp>");
}

}  // namespace
}  // namespace sekisho::policy
