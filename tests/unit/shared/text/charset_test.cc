#include "shared/text/charset.h"

#include <gtest/gtest.h>
#include <iconv.h>

#include <string>

#include "shared/text/utf8.h"

namespace sekisho::text {
namespace {

using Kind = Charset::Kind;

// glibc's iconv, for what it knows: nobody here wrote it.
std::string ByIconv(const char* charset, std::string octets) {
  const iconv_t converter = iconv_open("UTF-8", charset);
  EXPECT_NE(converter, reinterpret_cast<iconv_t>(-1)) << charset;
  char out[64];
  char* in_at = octets.data();
  char* out_at = out;
  size_t in_left = octets.size(), out_left = sizeof(out);
  const bool ok = iconv(converter, &in_at, &in_left, &out_at, &out_left) == 0 && in_left == 0;
  iconv_close(converter);
  return ok ? std::string(out, sizeof(out) - out_left) : "";
}

TEST(CharsetTest, ShiftJisIsCp932InEveryCharacter) {
  size_t known = 0;
  for (int lead = 0x81; lead <= 0xFC; ++lead) {
    if (lead >= 0xA0 && lead < 0xE0) continue;
    for (int trail = 0x40; trail <= 0xFC; ++trail) {
      const std::string pair = {static_cast<char>(lead), static_cast<char>(trail)};
      const std::string expected = ByIconv("CP932", pair);
      const Decoded decoded = Decode({Kind::kShiftJis, ""}, pair);
      if (expected.empty()) {
        EXPECT_FALSE(decoded.exact) << std::hex << lead << trail;
      } else {
        ++known;
        EXPECT_EQ(decoded.utf8, expected) << std::hex << lead << trail;
      }
    }
  }
  EXPECT_EQ(known, 9604u);
}

TEST(CharsetTest, EucJpHasTheExtensionsOfMicrosoftAndJisX0212) {
  size_t compared = 0, different = 0;
  for (int lead = 0xA1; lead <= 0xFE; ++lead) {
    for (int trail = 0xA1; trail <= 0xFE; ++trail) {
      for (const bool supplement : {false, true}) {
        std::string octets = {static_cast<char>(lead), static_cast<char>(trail)};
        if (supplement) octets.insert(0, "\x8F");
        const std::string expected = ByIconv("EUC-JP-MS", octets);
        const Decoded decoded = Decode({Kind::kEucJp, ""}, octets);
        // Private use: the sets differ, and nobody can read them. Rows 83 and 84 of JIS X 0212 are eucJP-ms only.
        if (expected.empty() || expected[0] == '\xEE' || expected[0] == '\xEF' || (supplement && lead >= 0xF3))
          continue;
        ++compared;
        if (decoded.utf8 != expected) ++different;
      }
    }
  }
  EXPECT_GT(compared, 12500u);
  EXPECT_EQ(different, 0u);
}

TEST(CharsetTest, Iso2022JpReadsWhatJapaneseMailersSend) {
  const auto read = [](std::string_view octets) { return Decode({Kind::kIso2022Jp, ""}, octets); };
  EXPECT_EQ(read("\x1B$B<R30Hk\x1B(B x").utf8, "社外秘 x");
  EXPECT_EQ(read("\x1B$B-!-j|b\x1B(B").utf8, "①㈱髙") << "NEC row 13 and NEC-selected IBM extensions";
  EXPECT_EQ(read("\x1B(I16E\x1B(B").utf8, "ｱｶﾅ") << "half-width kana by escape";
  EXPECT_EQ(read("\x0E\x31\x36\x0F").utf8, "ｱｶ") << "by shift";
  EXPECT_EQ(read("\xB1\xB6").utf8, "ｱｶ") << "by the eighth bit";
  EXPECT_EQ(read("\x1B$@4A;z\x1B(J").utf8, "漢字") << "JIS C 6226-1978";
  EXPECT_EQ(read("\x1B$(D0!\x1B(B").utf8, "丂") << "JIS X 0212";
  EXPECT_TRUE(read("\x1B$B<R30Hk\x1B(B").exact);
}

TEST(CharsetTest, WrongPairsDontSwallowMarkup) {
  EXPECT_EQ(Decode({Kind::kShiftJis, ""}, "\x81<b>").utf8, "\uFFFD<b>");
  EXPECT_EQ(Decode({Kind::kEucJp, ""}, "\xA4<b>").utf8, "\uFFFD<b>");
  EXPECT_EQ(Decode({Kind::kUtf8, ""}, "\xE7\xA4<b>").utf8, "\uFFFD\uFFFD<b>");
  EXPECT_FALSE(Decode({Kind::kShiftJis, ""}, "\x81").exact);
}

TEST(CharsetTest, FindsCharsetsByTheNamesMailUses) {
  for (const char* name : {"UTF-8", "utf8", " Utf-8 "}) EXPECT_EQ(FindCharset(name)->kind, Kind::kUtf8) << name;
  for (const char* name : {"Shift_JIS", "x-sjis", "CP932", "Windows-31J"})
    EXPECT_EQ(FindCharset(name)->kind, Kind::kShiftJis) << name;
  for (const char* name : {"iso-2022-jp", "ISO-2022-JP-MS", "cp50221"})
    EXPECT_EQ(FindCharset(name)->kind, Kind::kIso2022Jp) << name;
  EXPECT_EQ(FindCharset("ISO-8859-1")->converter, "windows-1252");
  EXPECT_EQ(FindCharset("KOI8-R")->kind, Kind::kOther);
  for (const char* name : {"", "no-such-charset", "utf-8,swaplfnl", "ibm-37", "../x"})
    EXPECT_FALSE(FindCharset(name)) << name;
}

TEST(CharsetTest, OtherCharsetsGoThroughIcu) {
  EXPECT_EQ(Decode(*FindCharset("koi8-r"), "\xF0\xD2\xC9").utf8, "При");
  EXPECT_EQ(Decode(*FindCharset("gb2312"), "\xC4\xE3\xBA\xC3").utf8, "你好");
  EXPECT_EQ(Decode(*FindCharset("euc-kr"), "\xBE\xC8").utf8, "안");
  EXPECT_EQ(Decode(*FindCharset("utf-7"), "+eT5ZFnnY-").utf8, "社外秘");
  EXPECT_EQ(Decode(*FindCharset("utf-16be"), std::string("\xD8\x3D\xDE\x00", 4)).utf8, "😀");
  // Longer than one piece of the converter's buffer, with pairs across its edges.
  std::string units, expected = "";
  for (int i = 0; i < 3000; ++i) {
    units += std::string("\x00\x61\xD8\x3D\xDE\x00", 6);
    expected += "a😀";
  }
  EXPECT_EQ(Decode(*FindCharset("utf-16be"), units).utf8, expected);
}

TEST(CharsetTest, DetectsWhatOctetsAre) {
  struct Case {
    std::string octets;
    Kind kind;
  };
  const Case cases[] = {
      {"plain", Kind::kAscii},
      {"\x1B$B<R30Hk\x1B(B", Kind::kIso2022Jp},
      {"社外秘", Kind::kUtf8},
      {"\xEF\xBB\xBFx", Kind::kUtf8},
      {"\x8E\xD0\x8AO\x94\xE9\x82\xC5\x82\xB7", Kind::kShiftJis},
      {"\xBC\xD2\xB3\xB0\xC8\xEB\xA4\xC7\xA4\xB9", Kind::kEucJp},
      {"\xBC\xD2\xB3\xB0\xC8\xEB", Kind::kEucJp},  // as Shift_JIS these would be half-width kana only
      {"\x8E\xD0\x8AO\x94\xE9", Kind::kShiftJis},
      {"caf\xE9 na\xEFve", Kind::kOther},
  };
  for (const Case& c : cases) EXPECT_EQ(Detect(c.octets).kind, c.kind) << c.octets;
}

struct ReadingCase {
  const char* what;
  std::string octets;
  std::string declared;
  std::vector<std::string> texts;
  bool mismatch;
};

TEST(CharsetTest, ReadsAllThatAReaderMayTakeTextFor) {
  const std::string shift_jis = "\x8E\xD0\x8AO\x94\xE9\x82\xC5\x82\xB7";
  const ReadingCase cases[] = {
      {"honest UTF-8", "社外秘", "utf-8", {"社外秘"}, false},
      {"honest Shift_JIS", shift_jis, "shift_jis", {"社外秘です"}, false},
      {"ASCII under a Latin label", "hello", "iso-8859-1", {"hello"}, false},
      {"ASCII under a Japanese label", "hello", "iso-2022-jp", {"hello"}, false},
      {"unlabelled ISO-2022-JP, as old mailers send", "\x1B$B<R30Hk\x1B(B", "", {"社外秘"}, false},
      {"unlabelled Shift_JIS", shift_jis, "", {"社外秘です"}, false},
      {"ISO-2022-JP under an ASCII label", "\x1B$B<R30Hk\x1B(B", "us-ascii", {"社外秘"}, true},
      {"Shift_JIS under a Latin label", shift_jis, "iso-8859-1", {"ŽÐŠO”é‚Å‚·", "社外秘です"}, true},
      {"UTF-8 under a Latin label", "秘密", "windows-1252", {"ç§˜å¯†", "秘密"}, true},
      {"UTF-8 under a UTF-7 label keeps both", "a+eT4-", "utf-7", {"a社", "a+eT4-"}, true},
      {"unknown label", "社外秘", "x-unknown", {"社外秘"}, true},
      {"empty", "", "utf-8", {""}, false},
      {"empty under an unknown label", "", "x-unknown", {""}, true},
  };
  for (const ReadingCase& c : cases) {
    const Readings readings = ReadAll(c.octets, c.declared);
    EXPECT_EQ(readings.texts, c.texts) << c.what;
    EXPECT_EQ(readings.mismatch, c.mismatch) << c.what;
    if (IsReadAsItIs(c.octets, c.declared)) {
      EXPECT_EQ(readings.texts, std::vector<std::string>{c.octets}) << c.what;
      EXPECT_FALSE(readings.mismatch) << c.what;
    }
  }
}

TEST(CharsetTest, KnowsWhatNeedsNoDecoding) {
  const std::vector<std::string> utf8 = {"utf-8"}, shift_jis = {"shift_jis"};
  EXPECT_TRUE(IsReadAsItIs("社外秘", "UTF-8"));
  EXPECT_TRUE(IsReadAsItIs("社外秘", ""));
  EXPECT_TRUE(IsReadAsItIs("plain", "us-ascii", utf8));
  EXPECT_FALSE(IsReadAsItIs("社外秘", "UTF-8", shift_jis));
  EXPECT_FALSE(IsReadAsItIs("社外秘", "us-ascii"));
  EXPECT_FALSE(IsReadAsItIs("+eT4-", "utf-7"));
  EXPECT_FALSE(IsReadAsItIs("\x1B$B<R\x1B(B", ""));
  EXPECT_FALSE(IsReadAsItIs("\xEF\xBB\xBFx", "utf-8"));
  EXPECT_FALSE(IsReadAsItIs("\xFF", "utf-8"));
  EXPECT_FALSE(IsReadAsItIs("x", "x-unknown"));
}

TEST(CharsetTest, ReadsLinesThatForgetTheEscapeBothWays) {
  const Readings readings = ReadAll("\x1B$B<R30\r\nHk\x1B(B", "iso-2022-jp");
  ASSERT_EQ(readings.texts.size(), 2u);
  EXPECT_EQ(readings.texts[0], "社外\r\nHk");
  EXPECT_EQ(readings.texts[1], "社外\r\n秘");
}

TEST(CharsetTest, ReadsWhatHtmlClaimsToo) {
  const std::vector<std::string> meta = {"shift_jis"};
  const Readings readings = ReadAll("\x8E\xD0\x8AO\x94\xE9", "iso-8859-1", meta);
  EXPECT_NE(std::find(readings.texts.begin(), readings.texts.end(), "社外秘"), readings.texts.end());
}

TEST(CharsetTest, AnyOctetsGiveValidUtf8) {
  std::string octets;
  uint32_t random = 1;
  for (int i = 0; i < 4000; ++i) {
    random = random * 1664525 + 1013904223;
    octets += static_cast<char>(random >> 24);
  }
  for (const char* name :
       {"", "us-ascii", "utf-8", "iso-2022-jp", "shift_jis", "euc-jp", "utf-7", "utf-16", "big5", "iso-2022-kr"}) {
    for (const std::string& text : ReadAll(octets, name).texts) EXPECT_TRUE(IsValidUtf8(text)) << name;
  }
}

}  // namespace
}  // namespace sekisho::text
