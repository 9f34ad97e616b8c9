#include "services/policy/domain/rejection_notice.h"

#include <gmock/gmock.h>

#include "shared/mime/model.h"

namespace sekisho::policy {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Rejection Sample(const std::string& language) {
  Rejection rejection;
  rejection.from = "postmaster@example.jp";
  rejection.to = "hanako@example.jp";
  rejection.language = language;
  rejection.subject = "見積\r\nBcc: evil@x.example";
  rejection.mail_message_id = "<1@example.jp>";
  rejection.recipients = {"x@a.example"};
  rejection.date = FromMicros(1'795'482'123'000'000);
  rejection.message_id = "<2@gw.example.jp>";
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
  auto octets = WriteRejection(rejection);
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
  const std::string japanese = TextOf(Sample("ja"), subject);
  EXPECT_THAT(subject, HasSubstr("送信できませんでした: 見積"));
  EXPECT_LT(japanese.find("理由です"), japanese.find("the reason"));
  const std::string english = TextOf(Sample("en"), subject);
  EXPECT_THAT(subject, HasSubstr("Not sent: "));
  EXPECT_LT(english.find("the reason"), english.find("理由です"));
}

TEST(RejectionNoticeTest, TellsWhyWhereAndWhatToDoButNoTerm) {
  std::string subject;
  const std::string text = TextOf(Sample("ja"), subject);
  for (const char* each : {"x@a.example", "body line 3", "対処です", "the remedy", "never"})
    EXPECT_THAT(text, HasSubstr(each));
  EXPECT_THAT(text, Not(HasSubstr("辞書の語")));
}

TEST(RejectionNoticeTest, AMessageIdThatFitsNoFieldIsLeftOut) {
  Rejection rejection = Sample("ja");
  for (const char* odd : {"<1@\x01>", "<\xE3\x81\x82@x>", "<a b@x>", "<a\r\nBcc: x@x>"}) {
    rejection.mail_message_id = odd;
    std::string subject;
    EXPECT_THAT(TextOf(rejection, subject), HasSubstr("x@a.example"));
  }
}

}  // namespace
}  // namespace sekisho::policy
