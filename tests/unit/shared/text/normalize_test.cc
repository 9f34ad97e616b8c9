#include "shared/text/normalize.h"

#include <gtest/gtest.h>
#include <unicode/normalizer2.h>

#include <string>

#include "shared/text/utf8.h"

namespace sekisho::text {
namespace {

struct Case {
  const char* what;
  std::string in;
  std::string out;
};

TEST(NormalizeTest, FoldsWhatReadersTakeForTheSame) {
  const Case cases[] = {
      {"case", "Top SECRET", "top secret"},
      {"full width", "ＡＢＣ１２３", "abc123"},
      {"half-width kana", "ｶﾀｶﾅ ｶﾞｷﾞ ﾊﾟ", "カタカナ ガギ パ"},
      {"composed kana", "か\u3099き\u3099", "がぎ"},
      {"enclosed", "①㈱㍻", "1(株)平成"},
      {"sharp s", "Straße", "strasse"},
      {"zero width", "社\u200B外\u200C秘\uFEFF", "社外秘"},
      {"bidi", "\u202Egnp.exe\u202C", "gnp.exe"},
      {"soft hyphen", "con\u00ADfidential", "confidential"},
      {"variation selector", "社\U000E0100外", "社外"},
      {"controls",
       std::string("a\x01"
                   "b\x00"
                   "c\x7F"
                   "d",
                   7),
       "abcd"},
      {"spaces", "  a \t\u3000 b\u00A0c  ", "a b c"},
      {"lines", "a\r\nb\n\n\nc", "a b c"},
      {"wrapped Japanese", "これは社外\r\n  秘です", "これは社外秘です"},
      {"wrapped Japanese and Latin", "社外\r\nsecret", "社外 secret"},
      {"dashes", "03‐1234–5678 − ― ー", "03-1234-5678 - - ー"},
      {"long vowel between digits", "０３ー１２３４ー５６７８ サーバー", "03-1234-5678 サーバー"},
      {"wave dash and full-width tilde", "10時〜11時～12時", "10時~11時~12時"},
      {"supplementary ideograph", "𠮷野家", "𠮷野家"},
      {"emoji", "👍🏽 ok", "👍🏽 ok"},
      {"nothing", "", ""},
      {"only blanks", " \r\n\t", ""},
      {"ill-formed",
       "a\xFF"
       "b",
       "a\uFFFD"
       "b"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(Normalize(c.in).text, c.out) << c.what;
    EXPECT_EQ(NormalizeLine(c.in), c.out) << c.what;
    EXPECT_EQ(NormalizeLine(c.out), c.out) << c.what << ": a second time changes nothing";
  }
}

TEST(NormalizeTest, KnowsTheLine) {
  const Normalized normalized = Normalize("one\r\n\r\nthree\r\n社外\r\n秘 five\r\nsix");
  EXPECT_EQ(normalized.text, "one three 社外秘 five six");
  EXPECT_EQ(normalized.LineOf(0), 1u);
  EXPECT_EQ(normalized.LineOf(normalized.text.find("three")), 3u);
  EXPECT_EQ(normalized.LineOf(normalized.text.find("社")), 4u);
  EXPECT_EQ(normalized.LineOf(normalized.text.find("秘")), 5u);
  EXPECT_EQ(normalized.LineOf(normalized.text.find("six")), 6u);
}

TEST(NormalizeTest, ManyBlankLinesCostLittle) {
  const Normalized normalized = Normalize(std::string(4 << 20, '\n') + "x");
  EXPECT_EQ(normalized.text, "x");
  EXPECT_LE(normalized.line_starts.size(), size_t{1} << 20);
}

// The table and the runs around it must say what ICU says of the whole, for characters in any order.
TEST(NormalizeTest, AgreesWithIcuOnRandomText) {
  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2* const icu_folding = icu::Normalizer2::getNFKCCasefoldInstance(error);
  ASSERT_TRUE(U_SUCCESS(error));
  uint32_t random = 7;
  const auto next = [&](uint32_t below) {
    random = random * 1664525 + 1013904223;
    return (random >> 8) % below;
  };
  const char32_t starts[] = {0x41,   0xC0,   0x300,  0x3041, 0x3099, 0xFF61, 0xFF9E,
                             0x1100, 0xAC00, 0x1E00, 0xFB00, 0x900,  0x3131, 0x1D15E};
  for (int round = 0; round < 3000; ++round) {
    std::string source;
    for (int i = 0; i < 40; ++i) {
      char32_t c = starts[next(std::size(starts))] + next(64);
      const auto type = u_charType(static_cast<UChar32>(c));
      if (type == U_CONTROL_CHAR || type == U_SPACE_SEPARATOR || type == U_DASH_PUNCTUATION || type == U_UNASSIGNED ||
          c == 0x30FC)
        c = 'x';
      AppendUtf8(source, c);
    }
    std::string expected;
    icu_folding->normalize(icu::UnicodeString::fromUTF8(source), error).toUTF8String(expected);
    // Compatibility forms that become a blank and a mark are blanks to us.
    if (expected.find(' ') != std::string::npos) continue;
    ASSERT_EQ(Normalize(source).text, expected) << round;
  }
}

TEST(NormalizeTest, KeepsWithinALimit) {
  std::string ligatures;
  for (int i = 0; i < 1000; ++i) ligatures += "\uFDFA";  // 18 letters each
  EXPECT_FALSE(NormalizeWithin(ligatures, 10000));
  EXPECT_EQ(NormalizeWithin(ligatures, 100000)->text, Normalize(ligatures).text);
  EXPECT_EQ(NormalizeWithin("abc", 3)->text, "abc");
  EXPECT_FALSE(NormalizeWithin("abcd", 3));
  EXPECT_EQ(NormalizeWithin("", 0)->text, "");
}

TEST(NormalizeTest, LongRunsOfMarksAreCut) {
  std::string zalgo = "a";
  for (int i = 0; i < 100000; ++i) zalgo += "\u0301";
  EXPECT_TRUE(IsValidUtf8(Normalize(zalgo).text));
}

TEST(NormalizeTest, DropsSpacesBetweenIdeographs) {
  EXPECT_EQ(DropIdeographSpaces("社 外 秘 top secret 資料"), "社外秘 top secret 資料");
  EXPECT_EQ(DropIdeographSpaces(" a "), " a ");
}

TEST(Utf8Test, KnowsWhatIsWellFormed) {
  for (const char* good : {"", "a", "é", "社", "😀", "\uFFFD", "\U0010FFFF"}) EXPECT_TRUE(IsValidUtf8(good)) << good;
  for (const char* bad : {"\x80", "\xC0\xAF", "\xC3", "\xE0\x80\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80",
                          "\xF8\x88\x80\x80\x80", "\xE7\xA4"}) {
    EXPECT_FALSE(IsValidUtf8(bad));
    EXPECT_TRUE(IsValidUtf8(SanitizeUtf8(bad)));
  }
}

TEST(Utf8Test, NeverCutsACharacter) {
  EXPECT_EQ(TruncateUtf8("社外秘", 8), "社外");
  EXPECT_EQ(TruncateUtf8("社外秘", 9), "社外秘");
  EXPECT_EQ(TruncateUtf8("社", 1), "");
  EXPECT_EQ(Shorten("社外秘です", 3), "社外…");
  EXPECT_EQ(Shorten("社外秘", 3), "社外秘");
}

TEST(Utf8Test, ShowsWhatHides) {
  EXPECT_EQ(ShowInvisible("invoice\u202Egpj.exe"), "invoice[U+202E]gpj.exe");
  EXPECT_EQ(ShowInvisible("a\tb"), "a[U+0009]b");
  EXPECT_EQ(ShowInvisible("請求書 2026.pdf"), "請求書 2026.pdf");
  EXPECT_TRUE(HasInvisible("a\u200B"));
  EXPECT_FALSE(HasInvisible("葛\U000E0100城.pdf")) << "a variation selector hides nothing";
}

}  // namespace
}  // namespace sekisho::text
