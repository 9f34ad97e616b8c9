#include "services/encryption/domain/notices.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "shared/mime/model.h"

namespace sekisho::encryption {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

NoticeAbout About(const std::string& language) {
  return {"postmaster@example.jp", "hanako@example.jp", language, "見積書", {"a@one.example", "b@two.example"},
          FromMicros(1'795'482'123'000'000), "<n@gw.example.jp>"};
}

std::string TextOf(const Result<std::string>& mail) {
  EXPECT_TRUE(mail.ok());
  const auto model = mime::Parse(std::string_view(*mail));
  EXPECT_TRUE(model.ok());
  return *mime::ReadableText(*model, model->parts[0]);
}

TEST(NoticesTest, APasswordStandsOnALineOfItsOwnBesideAllRecipients) {
  const Secret<std::string> password(std::string("Abcd2345Efgh6789"));
  const auto mail = WritePasswordNotice(About("ja"), password);
  const std::string text = TextOf(mail);
  EXPECT_THAT(text, HasSubstr("\nAbcd2345Efgh6789\n"));
  for (const char* part : {"件名: 見積書", "a@one.example", "b@two.example", "attachments.zip", "別の方法", "another way"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  const auto header = mime::ParseHeader(*mail);
  EXPECT_EQ(header->subject, "添付ファイルのパスワード: 見積書");
  EXPECT_THAT(*mail, HasSubstr("Auto-Submitted: auto-generated\r\n"));
}

TEST(NoticesTest, BeginWithTheSendersLanguage) {
  const Secret<std::string> password(std::string("Abcd2345Efgh6789"));
  const std::string ja = TextOf(WritePasswordNotice(About("ja"), password)), en = TextOf(WritePasswordNotice(About("en"), password));
  EXPECT_LT(ja.find("パスワード"), ja.find("The attachments"));
  EXPECT_GT(en.find("パスワード"), en.find("The attachments"));
  const auto mail = WritePasswordNotice(About("en"), password);
  EXPECT_EQ(mime::ParseHeader(*mail)->subject, "Password for the attachments: 見積書");
}

TEST(NoticesTest, ARefusalNamesWhoLacksACertificateAndWhatToDo) {
  Refusal refusal;
  refusal.en = "import one (sekisho cert import FILE)";
  refusal.ja = "登録してください（sekisho cert import ファイル）";
  refusal.lacking = {{1, "it expired on 2026-01-01"}};
  const auto mail = WriteRefusalNotice(About("ja"), refusal);
  const std::string text = TextOf(mail);
  EXPECT_THAT(text, HasSubstr(refusal.ja));
  EXPECT_THAT(text, HasSubstr(refusal.en));
  EXPECT_THAT(text, HasSubstr("証明書が使えない宛先:\n  b@two.example\n    it expired on 2026-01-01"));
  EXPECT_THAT(text, HasSubstr("Without a usable certificate:\n  b@two.example\n"));
  EXPECT_EQ(mime::ParseHeader(*mail)->subject, "送信できませんでした（暗号化できません）: 見積書");
  refusal.lacking.clear();
  EXPECT_THAT(TextOf(WriteRefusalNotice(About("ja"), refusal)), Not(HasSubstr("証明書が使えない宛先")));
}

TEST(NoticesTest, ASubjectMadeToBreakTheNoticeDoesNot) {
  NoticeAbout about = About("en");
  about.subject = std::string("x\r\nBcc: all@evil.example\r\n\r\nPassword:\n\x1b") + std::string(500, 'y');
  const auto mail = WritePasswordNotice(about, Secret<std::string>(std::string("Abcd2345Efgh6789")));
  ASSERT_TRUE(mail.ok()) << mail.error().detail;
  EXPECT_THAT(*mail, Not(HasSubstr("\r\nBcc:")));
  EXPECT_THAT(TextOf(mail), Not(HasSubstr("\nBcc:")));
}

}  // namespace
}  // namespace sekisho::encryption
