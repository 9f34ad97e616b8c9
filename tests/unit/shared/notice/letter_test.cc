#include "shared/notice/letter.h"

#include <gmock/gmock.h>

#include "shared/mime/model.h"
#include "shared/text/utf8.h"

namespace sekisho::notice {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const Stamp kStamp{"postmaster@example.jp", "<notice@gw.example.jp>", FromMicros(1'795'482'123'000'000)};

Letter Sample() {
  Letter letter;
  letter.to = "hanako@example.jp";
  letter.subject = "送信できませんでした: 見積";
  letter.text = "理由です。\n";
  return letter;
}

TEST(LetterTest, IsAMailThatNoMachineAnswers) {
  const auto octets = Compose(Sample(), kStamp);
  ASSERT_TRUE(octets.ok()) << octets.error().ToString();
  const auto mail = mime::Parse(std::string_view(*octets));
  ASSERT_TRUE(mail.ok()) << mail.error().ToString();
  EXPECT_EQ(mail->from.at(0).AddrSpec(), "postmaster@example.jp");
  EXPECT_EQ(mail->to.at(0).AddrSpec(), "hanako@example.jp");
  EXPECT_EQ(mail->subject, "送信できませんでした: 見積");
  EXPECT_EQ(mail->message_id, "<notice@gw.example.jp>");
  EXPECT_EQ(mail->Find("Auto-Submitted")->text, "auto-generated");
  EXPECT_EQ(mail->Find("In-Reply-To"), nullptr);
  EXPECT_EQ(*mime::ReadableText(*mail, mail->parts[0]), "理由です。\n");
  EXPECT_TRUE(text::IsAscii(*octets)) << "it goes through any host";
}

TEST(LetterTest, AnAnswerStandsBesideTheMailItAnswers) {
  Letter letter = Sample();
  letter.answers = "<1@example.jp>";
  const auto octets = Compose(letter, kStamp);
  ASSERT_TRUE(octets.ok());
  for (const char* field :
       {"Auto-Submitted: auto-replied\r\n", "In-Reply-To: <1@example.jp>\r\n", "References: <1@example.jp>\r\n"})
    EXPECT_THAT(*octets, HasSubstr(field));
}

TEST(LetterTest, AMessageIdThatFitsNoFieldIsLeftOut) {
  for (const std::string& odd : {std::string("<1@\x01>"), std::string("<\xE3\x81\x82@x>"), std::string("<a b@x>"),
                                 std::string("<a\r\nBcc: x@x>"), "<" + std::string(600, 'x') + "@x>", std::string("<>"),
                                 std::string("no brackets")}) {
    Letter letter = Sample();
    letter.answers = odd;
    const auto octets = Compose(letter, kStamp);
    ASSERT_TRUE(octets.ok());
    EXPECT_THAT(*octets, Not(HasSubstr("In-Reply-To")));
    EXPECT_THAT(*octets, Not(HasSubstr("Bcc")));
    EXPECT_THAT(*octets, HasSubstr("Auto-Submitted: auto-replied\r\n"));
  }
}

TEST(LetterTest, WhatWouldBreakAFieldOrTheTextIsRefused) {
  for (const std::string& hostile :
       {std::string("x\r\nBcc: all@evil.example"), std::string("x\ny"), std::string("x\0y", 3)}) {
    Letter to = Sample(), subject = Sample();
    to.to = hostile + "@example.jp";
    subject.subject = hostile;
    for (const Letter& letter : {to, subject}) {
      const auto octets = Compose(letter, kStamp);
      ASSERT_FALSE(octets.ok());
      EXPECT_EQ(octets.error().code, Code::kInvalid);
    }
  }
  Letter text = Sample();
  text.text = std::string("x\0y", 3);
  EXPECT_FALSE(Compose(text, kStamp).ok());
}

}  // namespace
}  // namespace sekisho::notice
