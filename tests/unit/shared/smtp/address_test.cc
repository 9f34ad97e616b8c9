#include "shared/smtp/address.h"

#include <gtest/gtest.h>

#include <string>

namespace sekisho::smtp {
namespace {

TEST(AddressTest, TakesWhatRfc5321Allows) {
  for (const std::string address :
       {"hanako@example.jp", "a.b-c_d+e=f@x.example", "!#$%&'*+-/=?^_`{|}~@example.jp", "\"a b\"@example.jp",
        "\"a\\\"b@c\"@example.jp", "\"\"@example.jp", "a@[192.0.2.1]", "a@[ipv6:2001:db8::1]", "a@host",
        "a@_dmarc.example.jp", "a@xn--r8jz45g.jp", "1@1.example"}) {
    const auto mailbox = ParseMailbox(address, false);
    ASSERT_TRUE(mailbox.ok()) << address << ": " << mailbox.error().detail;
    EXPECT_EQ(mailbox->ToString(), address);
    EXPECT_FALSE(mailbox->needs_smtputf8);
  }
}

TEST(AddressTest, RefusesEverythingElse) {
  for (const std::string address : {"",
                                    "hanako",
                                    "@example.jp",
                                    "hanako@",
                                    "a@@b.example",
                                    ".a@b.example",
                                    "a.@b.example",
                                    "a..b@c.example",
                                    "a b@c.example",
                                    "a(b)@c.example",
                                    "a,b@c.example",
                                    "<a@b.example>",
                                    "a@b..example",
                                    "a@.example",
                                    "a@example.",
                                    "a@-b.example",
                                    "a@b-.example",
                                    "a@b c.example",
                                    "a@[192.0.2.256]",
                                    "a@[192.0.2]",
                                    "a@[IPv6:1::2::3]",
                                    "a@[tag:content]",
                                    "a@[",
                                    "a@[]",
                                    "\"a@b.example",
                                    "\"a\"b@c.example",
                                    "\"a\x01\"@b.example",
                                    "\"a\\\x01\"@b.example",
                                    "a@b.example\r",
                                    "a@b.exa\nmple",
                                    "a\t@b.example"}) {
    EXPECT_FALSE(ParseMailbox(address, false).ok()) << address;
    EXPECT_FALSE(ParseMailbox(address, true).ok()) << address;
  }
  using namespace std::string_literals;
  for (const std::string& address :
       {"a\0b@c.example"s, "a@b\0.example"s, "a@[192.0.2.1\0]"s, "a@[IPv6:2001:db8::\0x]"s}) {
    EXPECT_FALSE(ParseMailbox(address, true).ok());
  }
}

TEST(AddressTest, NeverRepeatsTheAddressInAnError) {
  EXPECT_EQ(ParseMailbox("secret name@example.jp", false).error().detail.find("secret"), std::string::npos);
}

TEST(AddressTest, LowersTheDomainOnly) {
  const auto mailbox = ParseMailbox("Hanako@EXAMPLE.Jp", false);
  ASSERT_TRUE(mailbox.ok());
  EXPECT_EQ(mailbox->local_part, "Hanako");
  EXPECT_EQ(mailbox->domain, "example.jp");
}

TEST(AddressTest, LimitsOfLength) {
  const std::string domain = "@example.jp";
  EXPECT_TRUE(ParseMailbox(std::string(64, 'a') + domain, false).ok());
  EXPECT_FALSE(ParseMailbox(std::string(65, 'a') + domain, false).ok());
  EXPECT_TRUE(ParseMailbox("a@" + std::string(63, 'b') + ".example", false).ok());
  EXPECT_FALSE(ParseMailbox("a@" + std::string(64, 'b') + ".example", false).ok());
  std::string longest = "a@";
  while (longest.size() + 2 <= 254) longest += "b.";
  longest.back() = 'b';
  longest.resize(254, 'b');
  EXPECT_TRUE(ParseMailbox(longest, false).ok());
  EXPECT_FALSE(ParseMailbox(longest + "b", false).ok());
}

TEST(AddressTest, OctetsOver127NeedSmtpUtf8AndMustBeUtf8) {
  for (const std::string address :
       {"花子@example.jp", "a@例え.jp", "\"花 子\"@example.jp", "\xF0\x9F\x93\xA7@example.jp"}) {
    EXPECT_FALSE(ParseMailbox(address, false).ok()) << address;
    const auto mailbox = ParseMailbox(address, true);
    ASSERT_TRUE(mailbox.ok()) << address << ": " << mailbox.error().detail;
    EXPECT_TRUE(mailbox->needs_smtputf8);
  }
  for (const std::string bad :
       {"\x80", "\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF8\x88\x80\x80\x80", "\xE3\x81"}) {
    EXPECT_FALSE(ParseMailbox(bad + "@example.jp", true).ok());
    EXPECT_FALSE(ParseMailbox("a@" + bad + ".jp", true).ok());
    EXPECT_FALSE(ParseMailbox("\"" + bad + "\"@example.jp", true).ok());
  }
}

TEST(AddressTest, APathStandsBetweenAngleBrackets) {
  std::string_view rest;
  auto path = ParsePath("<a@b.example> SIZE=1", false, true, rest);
  ASSERT_TRUE(path.ok());
  EXPECT_EQ(path->mailbox.ToString(), "a@b.example");
  EXPECT_EQ(rest, " SIZE=1");
  path = ParsePath("<\"a>b\"@c.example>x", false, true, rest);
  ASSERT_TRUE(path.ok());
  EXPECT_EQ(path->mailbox.local_part, "\"a>b\"");
  EXPECT_EQ(rest, "x");
  for (const char* bad : {"", "a@b.example", "<a@b.example", "a@b.example>", "<<a@b.example>>", "<a@b.example >",
                          "< a@b.example>", "<\"a>"}) {
    EXPECT_FALSE(ParsePath(bad, false, true, rest).ok()) << bad;
  }
}

TEST(AddressTest, TheNullPathIsForReversePathsOnly) {
  std::string_view rest;
  const auto path = ParsePath("<>", false, true, rest);
  ASSERT_TRUE(path.ok());
  EXPECT_TRUE(path->null);
  EXPECT_FALSE(ParsePath("<>", false, false, rest).ok());
}

TEST(AddressTest, ASourceRouteIsCheckedAndDropped) {
  std::string_view rest;
  for (const char* route : {"<@relay.example:a@b.example>", "<@one.example,@two.example:a@b.example>"}) {
    const auto path = ParsePath(route, false, true, rest);
    ASSERT_TRUE(path.ok()) << route;
    EXPECT_EQ(path->mailbox.ToString(), "a@b.example");
  }
  for (const char* bad :
       {"<@:a@b.example>", "<@one.example,:a@b.example>", "<@one.example,two.example:a@b.example>",
        "<@one.example a@b.example>", "<@one.example:>", "<@one..example:a@b.example>", "<@a.example>"}) {
    EXPECT_FALSE(ParsePath(bad, false, true, rest).ok()) << bad;
  }
}

}  // namespace
}  // namespace sekisho::smtp
