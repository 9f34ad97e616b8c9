#include "services/policy/domain/matcher.h"

#include <gmock/gmock.h>
#include <re2/re2.h>

#include <algorithm>
#include <random>
#include <set>

#include "tests/unit/services/policy/domain/policy_fixture.h"

namespace sekisho::policy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::shared_ptr<const Matcher> MatcherOf(const std::vector<std::string>& words,
                                         const std::vector<std::string>& patterns, uint32_t keep = 10) {
  std::vector<Keyword> keywords;
  for (const std::string& word : words) keywords.push_back(Keyword::Parse(word));
  auto matcher = Matcher::Build(keywords, patterns, keep);
  EXPECT_TRUE(matcher.ok());
  return *matcher;
}

// What is found in `text`, as it stands there, in order.
std::vector<std::string> Found(const Matcher& matcher, std::string_view text) {
  MailFacts mail;
  AddText(mail, v1::ContentCondition::BODY, "body", text);
  bool (*never)() = Never;
  auto hits = matcher.Scan(mail.texts, never);
  EXPECT_TRUE(hits.ok());
  std::sort(hits->begin(), hits->end(), [](const Hit& a, const Hit& b) { return a.begin < b.begin; });
  std::vector<std::string> found;
  for (const Hit& hit : *hits) found.push_back(mail.owned[0].text.substr(hit.begin, hit.end - hit.begin));
  return found;
}

std::vector<std::string> FoundWord(const std::string& word, std::string_view text) {
  return Found(*MatcherOf({word}, {}), text);
}
std::vector<std::string> FoundPattern(const std::string& pattern, std::string_view text) {
  return Found(*MatcherOf({}, {pattern}), text);
}

TEST(MatcherTest, FindsAKeywordHoweverItIsWritten) {
  EXPECT_THAT(FoundWord("社外秘", "この資料は社外秘です。"), ElementsAre("社外秘"));
  EXPECT_THAT(FoundWord("Confidential", "CONFIDENTIAL"), ElementsAre("confidential"));
  EXPECT_THAT(FoundWord("confidential", "ｃｏｎｆｉｄｅｎｔｉａｌ"), ElementsAre("confidential"));
  EXPECT_THAT(FoundWord("ﾏｲﾅﾝﾊﾞｰ", "マイナンバーの一覧"), ElementsAre("マイナンバー"));
  EXPECT_THAT(FoundWord("confidential", "con\u200Bfiden\u00ADtial"), ElementsAre("confidential"));
  EXPECT_THAT(FoundWord("①号", "1号"), ElementsAre("1号"));
}

TEST(MatcherTest, SpacesAndLineBreaksBetweenIdeographsDoNotHide) {
  EXPECT_THAT(FoundWord("社外秘", "社 外　秘 の資料"), ElementsAre("社 外 秘"));
  EXPECT_THAT(FoundWord("社外秘", "これは社外\r\n秘です"), ElementsAre("社外秘"));
  EXPECT_THAT(FoundWord("社 外 秘", "社外秘"), ElementsAre("社外秘"));
  EXPECT_THAT(FoundWord("極秘 project", "極秘 project と 極 秘 project"), ElementsAre("極秘 project", "極 秘 project"));
}

TEST(MatcherTest, LatinWordsAreWholeWords) {
  EXPECT_THAT(FoundWord("NDA", "the agenda, the calendar"), IsEmpty());
  EXPECT_THAT(FoundWord("NDA", "an NDA. nda_v2 NDA2 のNDA書 nda"), ElementsAre("nda", "nda", "nda", "nda", "nda"));
  EXPECT_THAT(FoundWord("123", "1234 0123"), IsEmpty());
  EXPECT_THAT(FoundWord("123", "a123b"), ElementsAre("123"));
  EXPECT_THAT(FoundWord("тайна", "тайнах"), IsEmpty());
  EXPECT_THAT(FoundWord("社外秘", "弊社外秘密"), ElementsAre("社外秘"));
}

TEST(MatcherTest, AStarLetsTheWordGoOn) {
  EXPECT_THAT(FoundWord("confiden*", "confidentiality"), ElementsAre("confiden"));
  EXPECT_THAT(FoundWord("*tial", "confidential tiales"), ElementsAre("tial"));
  EXPECT_THAT(FoundWord("*fiden*", "confidential"), ElementsAre("fiden"));
}

TEST(MatcherTest, OneTextMayBeSeveralKeywords) {
  const auto matcher = MatcherOf({"secret", "secret*", "*secret"}, {});
  EXPECT_THAT(Found(*matcher, "secrets"), ElementsAre("secret"));
  EXPECT_THAT(Found(*matcher, "secret"), ElementsAre("secret", "secret", "secret"));
}

TEST(MatcherTest, PatternsSeeNormalisedTextWithoutRegardToCase) {
  EXPECT_THAT(FoundPattern(R"(\d{4}-\d{4})", "番号は１２３４－５６７８です"), ElementsAre("1234-5678"));
  EXPECT_THAT(FoundPattern("[A-Z]{2}-\\d+", "ab-12 CD-34"), ElementsAre("ab-12", "cd-34"));
  EXPECT_THAT(FoundPattern("^件名", "件名"), ElementsAre("件名"));
  EXPECT_THAT(FoundPattern("a.c", "a\r\nc"), ElementsAre("a c"));
}

TEST(MatcherTest, KeepsTheFirstHitsOfEachTermInEachPart) {
  const auto matcher = MatcherOf({"x"}, {"y+"}, 2);
  MailFacts mail;
  AddText(mail, v1::ContentCondition::BODY, "body", "x x x x y y y y");
  AddText(mail, v1::ContentCondition::SUBJECT, "subject", "x x x y y y");
  bool (*never)() = Never;
  const auto hits = matcher->Scan(mail.texts, never);
  ASSERT_TRUE(hits.ok());
  EXPECT_EQ(hits->size(), 8u);
}

TEST(MatcherTest, HoldsWhenPatternsTakeTooLong) {
  const auto matcher = MatcherOf({}, {"a+b"});
  MailFacts mail;
  AddText(mail, v1::ContentCondition::BODY, "body", std::string(1000, 'a'));
  const auto hits = matcher->Scan(mail.texts, [] { return true; });
  ASSERT_FALSE(hits.ok());
  EXPECT_EQ(hits.error().code, Code::kLimit);
  EXPECT_EQ(hits.error().retry, Retry::kNever);
}

// A text of many windows, with matches across their edges: the same as one search over the whole.
TEST(MatcherTest, WindowsFindWhatOneSearchFinds) {
  std::mt19937 random(3);
  for (const char* pattern : {"ab{1,9}a", "b[ab]{100}ba", "\\bc+\\b", "^a", "a$", "(aab)+"}) {
    std::string text;
    while (text.size() < 3 * Matcher::kWindow + 100) text += "aaabbbc "[random() % 8];
    std::string_view rest = text = text::Normalize(text).text;
    const re2::RE2 oracle("(" + std::string(pattern) + ")");
    std::vector<std::string> expected;
    re2::StringPiece found;
    for (size_t at = 0; at < text.size() && oracle.Match(text, at, text.size(), re2::RE2::UNANCHORED, &found, 1);) {
      expected.emplace_back(found);
      at = static_cast<size_t>(found.data() - text.data()) + found.size();
    }
    EXPECT_EQ(Found(*MatcherOf({}, {pattern}, 1'000'000), rest), expected) << pattern;
  }
}

TEST(MatcherTest, PatternsThatCouldTakeTooLongTogetherAreRefused) {
  std::vector<std::string> patterns;
  for (char c = 'a'; c <= 'z'; ++c) patterns.push_back(std::string("[a-z]*") + c + "[a-z ]{900}" + c);
  EXPECT_EQ(Matcher::Build({}, patterns, 1).error().code, Code::kLimit);
}

// The worst that is let in, on a text made for it: the automaton is thrown away again and again. It is slow, but ends,
// and time is looked at in between.
TEST(MatcherTest, ExplodingPatternsAreInterrupted) {
  std::vector<std::string> patterns;
  for (char c = 'a'; c <= 'f'; ++c) patterns.push_back(std::string("[a-z]*") + c + "[a-z ]{100}" + c + "!");
  const auto matcher = MatcherOf({}, patterns, 1);
  std::mt19937 random(3);
  MailFacts mail;
  mail.owned.emplace_back();
  for (size_t i = 0; i < 3 * Matcher::kWindow; ++i) mail.owned[0].text += static_cast<char>('a' + random() % 26);
  mail.texts.push_back({v1::ContentCondition::BODY, "body", true, &mail.owned[0]});
  int asked = 0;
  EXPECT_EQ(matcher->Scan(mail.texts, [&] { return ++asked == 2; }).error().code, Code::kLimit);
  EXPECT_EQ(asked, 2);
}

TEST(MatcherTest, AgreesWithASearchForEachKeyword) {
  std::mt19937 random(4);
  const std::vector<std::string> alphabet{"社", "外", "秘", " ", "a", "b", "1", "　"};
  const auto draw = [&](size_t size) {
    std::string text;
    for (size_t i = 0; i < size; ++i) text += alphabet[random() % alphabet.size()];
    return text;
  };
  for (int round = 0; round < 300; ++round) {
    std::set<std::string> words;
    for (int i = 0; i < 8; ++i) {
      const std::string word = draw(1 + random() % 4);
      if (!Keyword::Parse(word).text.empty()) words.insert("*" + Keyword::Parse(word).text + "*");
    }
    const std::string text = draw(random() % 60);
    size_t expected = 0;
    const std::string squeezed = text::DropIdeographSpaces(text::Normalize(text).text);
    for (const std::string& word : words) {
      const std::string plain = word.substr(1, word.size() - 2);
      for (size_t at = squeezed.find(plain); at != std::string::npos; at = squeezed.find(plain, at + 1)) ++expected;
    }
    const auto found = Found(*MatcherOf({words.begin(), words.end()}, {}, 1000), text);
    ASSERT_EQ(found.size(), expected) << "'" << text << "'";
    for (const std::string& each : found) {
      EXPECT_TRUE(words.contains("*" + text::DropIdeographSpaces(each) + "*"))
          << "'" << each << "' in '" << text << "'";
    }
  }
}

TEST(PatternProblemTest, SaysWhatToWriteInstead) {
  EXPECT_EQ(PatternProblem(R"(\d{12})"), "");
  EXPECT_EQ(PatternProblem("[ぁ-んァ-ヶ一-龠]+"), "");
  EXPECT_THAT(PatternProblem(""), HasSubstr("empty"));
  EXPECT_THAT(PatternProblem("(a"), HasSubstr("missing )"));
  EXPECT_THAT(PatternProblem("(?=a)b"), HasSubstr("look-around"));
  EXPECT_THAT(PatternProblem("a*"), HasSubstr("would hit every mail"));
  EXPECT_THAT(PatternProblem("ＡＢＣ"), HasSubstr("write 'a'"));
  EXPECT_THAT(PatternProblem("((a{500}){500}){500}"), HasSubstr("not a pattern"));
  EXPECT_THAT(PatternProblem(std::string(3000, 'a')), HasSubstr("longer"));
}

TEST(MatcherTest, BuildRefusesABadPattern) { EXPECT_EQ(Matcher::Build({}, {"(a"}, 1).error().code, Code::kInvalid); }

}  // namespace
}  // namespace sekisho::policy
