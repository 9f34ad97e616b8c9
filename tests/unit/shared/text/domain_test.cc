#include "shared/text/domain.h"

#include <gtest/gtest.h>

namespace sekisho::text {
namespace {

TEST(DomainTest, ComparesAsALabels) {
  EXPECT_EQ(*DomainToAscii("Example.JP"), "example.jp");
  EXPECT_EQ(*DomainToAscii("example.jp."), "example.jp");
  EXPECT_EQ(*DomainToAscii("例え.jp"), "xn--r8jz45g.jp");
  EXPECT_EQ(*DomainToAscii("ｅｘａｍｐｌｅ．jp"), "example.jp") << "full width";
  EXPECT_EQ(*DomainToAscii("例え。jp"), "xn--r8jz45g.jp") << "ideographic full stop";
  EXPECT_EQ(*DomainToAscii("XN--R8JZ45G.jp"), "xn--r8jz45g.jp");
  EXPECT_EQ(*DomainToAscii("a_b.example"), "a_b.example");
  EXPECT_EQ(*DomainToAscii("faß.example"), "xn--fa-hia.example") << "non-transitional";
}

TEST(DomainTest, RefusesWhatIsNone) {
  for (const std::string& name :
       {std::string(""), std::string("."), std::string("a..b"), std::string(".a"), std::string("a b"),
        std::string("-a.jp"), std::string("a-.jp"), std::string(64, 'a') + ".jp", std::string("a@b"),
        std::string("xn--a"), std::string("xn--zzzzzz-.jp"), std::string("a\r\nb"), std::string("[1.2.3.4]"),
        std::string(300, 'a'), std::string("\xFF.jp"), std::string("a\u200Db.jp")}) {
    EXPECT_FALSE(DomainToAscii(name).ok()) << name;
  }
}

TEST(DomainTest, ShowsULabels) {
  EXPECT_EQ(DomainToUnicode("xn--r8jz45g.jp"), "例え.jp");
  EXPECT_EQ(DomainToUnicode("example.jp"), "example.jp");
  EXPECT_EQ(DomainToUnicode("xn--a.jp"), "xn--a.jp") << "not an A-label: as it is";
}

TEST(DomainTest, CountsSlips) {
  EXPECT_EQ(EditDistance("partner", "partner", 2), 0u);
  EXPECT_EQ(EditDistance("partner", "partnre", 2), 1u) << "neighbours swapped";
  EXPECT_EQ(EditDistance("partner", "parner", 2), 1u);
  EXPECT_EQ(EditDistance("取引先", "取り引先", 2), 1u) << "characters, not octets";
  EXPECT_EQ(EditDistance("abc", "xyz", 2), 3u) << "more than the limit";
  EXPECT_EQ(EditDistance("", "abcdef", 2), 3u);
}

TEST(DomainTest, KnowsLookAlikes) {
  EXPECT_TRUE(IsLookAlike("examp1e.jp", "example.jp")) << "one for l";
  EXPECT_TRUE(IsLookAlike("exarnple.jp", "example.jp")) << "r and n for m";
  EXPECT_TRUE(IsLookAlike(*DomainToAscii("ехаmрlе.jp"), "example.jp")) << "Cyrillic";
  EXPECT_TRUE(IsLookAlike("exmaple.jp", "example.jp"));
  EXPECT_TRUE(IsLookAlike("example.co", "example.com"));
  EXPECT_FALSE(IsLookAlike("example.jp", "example.jp"));
  EXPECT_FALSE(IsLookAlike("other.jp", "example.jp"));
}

}  // namespace
}  // namespace sekisho::text
