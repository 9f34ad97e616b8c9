#include "services/encryption/domain/notices.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sekisho::encryption {
namespace {

using notice::Language;
using ::testing::HasSubstr;
using ::testing::Not;

NoticeAbout About(Language language) {
  return {"hanako@example.jp", language, "見積書", {"a@one.example", "b@two.example"}};
}

TEST(NoticesTest, APasswordStandsOnALineOfItsOwnBesideAllRecipients) {
  const Secret<std::string> password(std::string("Abcd2345Efgh6789"));
  const notice::Letter letter = WritePasswordNotice(About(Language::kJapanese), password);
  const std::string& text = letter.text;
  EXPECT_THAT(text, HasSubstr("\nAbcd2345Efgh6789\n"));
  for (const char* part :
       {"件名: 見積書", "a@one.example", "b@two.example", "attachments.zip", "別の方法", "another way"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  EXPECT_EQ(letter.subject, "添付ファイルのパスワード: 見積書");
  EXPECT_EQ(letter.to, "hanako@example.jp");
  EXPECT_EQ(letter.kind, mail::v1::SYSTEM_MAIL_PASSWORD);
}

TEST(NoticesTest, BeginWithTheSendersLanguage) {
  const Secret<std::string> password(std::string("Abcd2345Efgh6789"));
  const std::string ja = WritePasswordNotice(About(Language::kJapanese), password).text;
  const std::string en = WritePasswordNotice(About(Language::kEnglish), password).text;
  EXPECT_LT(ja.find("パスワード"), ja.find("The attachments"));
  EXPECT_GT(en.find("パスワード"), en.find("The attachments"));
  const notice::Letter letter = WritePasswordNotice(About(Language::kEnglish), password);
  EXPECT_EQ(letter.subject, "Password for the attachments: 見積書");
}

TEST(NoticesTest, ARefusalNamesWhoLacksACertificateAndWhatToDo) {
  Refusal refusal;
  refusal.en = "import one (sekisho cert import FILE)";
  refusal.ja = "登録してください（sekisho cert import ファイル）";
  refusal.lacking = {{1, "it expired on 2026-01-01"}};
  const notice::Letter letter = WriteRefusalNotice(About(Language::kJapanese), refusal);
  const std::string& text = letter.text;
  EXPECT_THAT(text, HasSubstr(refusal.ja));
  EXPECT_THAT(text, HasSubstr(refusal.en));
  EXPECT_THAT(text, HasSubstr("証明書が使えない宛先:\n  b@two.example\n    it expired on 2026-01-01"));
  EXPECT_THAT(text, HasSubstr("Without a usable certificate:\n  b@two.example\n"));
  EXPECT_EQ(letter.subject, "送信できませんでした（暗号化できません）: 見積書");
  refusal.lacking.clear();
  EXPECT_THAT(WriteRefusalNotice(About(Language::kJapanese), refusal).text, Not(HasSubstr("証明書が使えない宛先")));
}

TEST(NoticesTest, ASubjectMadeToBreakTheNoticeDoesNot) {
  NoticeAbout about = About(Language::kEnglish);
  about.subject = std::string("x\r\nBcc: all@evil.example\r\n\r\nPassword:\n\x1b") + std::string(500, 'y');
  const notice::Letter letter = WritePasswordNotice(about, Secret<std::string>(std::string("Abcd2345Efgh6789")));
  EXPECT_THAT(letter.subject, Not(HasSubstr("\n")));
  EXPECT_THAT(letter.text, Not(HasSubstr("\nBcc:")));
}

}  // namespace
}  // namespace sekisho::encryption
