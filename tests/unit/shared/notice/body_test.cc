#include "shared/notice/body.h"

#include <gmock/gmock.h>

#include <algorithm>

namespace sekisho::notice {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(BodyTest, StandsAsItWasBuilt) {
  Body body;
  body.Gap().Line("Opening.").Gap().Gap();
  body.Field("Subject", "a quote").Field("Comment", " ").Field("Why", "too large", 2).Line("indented", 4);
  body.Gap().Gap();
  EXPECT_EQ(body.text(), "Opening.\n\nSubject: a quote\n  Why: too large\n    indented\n");
}

TEST(BodyTest, WhatOthersWroteEndsNoLineAndHidesNothing) {
  for (const std::string& hostile :
       {std::string("x\r\nPassword: 1234"), std::string("x\nPassword: 1234"), std::string("x\rPassword: 1234"),
        std::string("x\0Password: 1234", 16), std::string("x\xE2\x80\xA8Password: 1234"),
        std::string("x\xC2\x85Password: 1234"), std::string("x\xE2\x80\xAEPassword: 1234")}) {
    Body body;
    body.Line(hostile).Field("Label", hostile).Fields("Labels", {hostile}, "more");
    const std::string& text = body.text();
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3) << text;
    EXPECT_THAT(text, Not(HasSubstr("\nPassword")));
    EXPECT_THAT(text, HasSubstr("x[U+"));
    for (const char* hidden : {"\r", "\xE2\x80\xA8", "\xC2\x85", "\xE2\x80\xAE"})
      EXPECT_THAT(text, Not(HasSubstr(hidden)));
    EXPECT_EQ(text.find('\0'), std::string::npos);
    EXPECT_THAT(SubjectLine("Title", hostile), Not(HasSubstr("\n")));
  }
}

TEST(BodyTest, IsUtf8WhateverCameIn) {
  Body body;
  body.Line("a\xFFz").Quote("Comment", "b\xC3");
  EXPECT_EQ(body.text(), "a\xEF\xBF\xBDz\nComment:\n  b\xEF\xBF\xBD\n");
}

TEST(BodyTest, AQuotationKeepsItsLinesAndNoMore) {
  Body body;
  body.Quote("Comment", "first\r\n\nsecond\x1b\r\n").Quote("Nothing", " \r\n ");
  EXPECT_EQ(body.text(), "Comment:\n  first\n  \n  second[U+001B]\n");
}

TEST(BodyTest, WhatIsLongIsCut) {
  const std::string longest(10'000, 'x');
  Body line, quote, list;
  EXPECT_EQ(line.Line(longest).text().size(), kLongestLine - 1 + std::string("…\n").size());
  std::string lines;
  for (int i = 0; i < 10'000; ++i) lines += "x\n";
  EXPECT_LT(quote.Quote("Comment", lines).text().size(), 3 * kLongestQuote);
  list.Fields("To", std::vector<std::string>(300, "x@y.example"), "and more:");
  EXPECT_THAT(list.text(), ::testing::EndsWith("To: x@y.example\nTo: and more: 280\n"));
}

TEST(BodyTest, TheReadersLanguageComesFirst) {
  Body japanese, english;
  japanese.Line("和文");
  english.Line("English");
  const std::string rule = "\n" + std::string(60, '-') + "\n\n";
  EXPECT_EQ(Bilingual(Language::kJapanese, japanese, english), "和文\n" + rule + "English\n");
  EXPECT_EQ(Bilingual(Language::kEnglish, japanese, english), "English\n" + rule + "和文\n");
  EXPECT_EQ(LanguageOf("ja", Language::kEnglish), Language::kJapanese);
  EXPECT_EQ(LanguageOf("en", Language::kJapanese), Language::kEnglish);
  for (const char* code : {"", "fr", "EN"}) EXPECT_EQ(LanguageOf(code, Language::kEnglish), Language::kEnglish);
}

TEST(BodyTest, ASubjectNamesTheMailItIsAbout) {
  EXPECT_EQ(SubjectLine("Not sent", "見積"), "Not sent: 見積");
  EXPECT_EQ(SubjectLine("Not sent", " "), "Not sent");
  EXPECT_LT(SubjectLine("Not sent", std::string(5000, 'x')).size(), 200U);
}

}  // namespace
}  // namespace sekisho::notice
