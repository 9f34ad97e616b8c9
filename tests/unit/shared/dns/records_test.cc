#include "shared/dns/records.h"

#include <gtest/gtest.h>

#include <set>

#include "shared/dns/mail_hosts.h"

namespace sekisho::dns {
namespace {

using std::string_literals::operator""s;

TEST(RecordsTest, ReadsAddresses) {
  EXPECT_EQ(*ReadA("\xc0\x00\x02\x01"s), "192.0.2.1");
  EXPECT_EQ(*ReadAaaa("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"s), "2001:db8::1");
  EXPECT_EQ(ReadA("\xc0\x00\x02"s).error().code, Code::kMalformed);
  EXPECT_EQ(ReadAaaa("\xc0\x00\x02\x01"s).error().code, Code::kMalformed);
}

TEST(RecordsTest, ReadsMx) {
  EXPECT_EQ(*ReadMx("\0\x0a\x02MX\x07"
                    "Example\0"s),
            (Mx{10, "mx.example"}));
  EXPECT_EQ(*ReadMx("\0\0\0"s), (Mx{0, ""}));
}

TEST(RecordsTest, RefusesBrokenMx) {
  EXPECT_FALSE(ReadMx("\0\x0a"s).ok());
  EXPECT_FALSE(ReadMx("\0\x0a\x02m"s).ok());         // label longer than what is left
  EXPECT_FALSE(ReadMx("\0\x0a\x02mx"s).ok());        // no end
  EXPECT_FALSE(ReadMx("\0\x0a\x02mx\0more"s).ok());  // octets after the end
  EXPECT_FALSE(ReadMx("\0\x0a\xc0\x0c"s).ok());      // a compression pointer
  EXPECT_FALSE(ReadMx("\0\x0a\x05"
                      "a.b c\0"s)
                   .ok());  // a dot and a space inside a label
  std::string long_name = "\0\x0a"s;
  for (int i = 0; i < 5; ++i) long_name += "\x3f" + std::string(63, 'a');
  EXPECT_FALSE(ReadMx(long_name + '\0').ok());
}

TEST(RecordsTest, ReadsTxt) {
  EXPECT_EQ(*ReadTxt("\x03"
                     "abc\x02"
                     "de"s),
            "abcde");
  EXPECT_EQ(*ReadTxt("\0"s), "");
  EXPECT_FALSE(ReadTxt("\x04"
                       "abc"s)
                   .ok());
  EXPECT_FALSE(ReadTxt("").ok());
}

TEST(RecordsTest, ReadsTlsa) {
  EXPECT_EQ(*ReadTlsa("\x03\x01\x01hash"s), (Tlsa{3, 1, 1, "hash"}));
  EXPECT_FALSE(ReadTlsa("\x03\x01\x01"s).ok());
}

TEST(RecordsTest, KnowsDomainNames) {
  for (const char* good :
       {"example", "example.jp", "example.jp.", "xn--eckwd4c7c.example", "_25._tcp.mx.example", "a-b.example"}) {
    EXPECT_TRUE(IsDomainName(good)) << good;
  }
  for (const char* bad : {"", ".", "a..b", ".a", "a b", "a\\b", "a\"b", "日本.example", "a\n.example"}) {
    EXPECT_FALSE(IsDomainName(bad)) << bad;
  }
  const std::string label(63, 'a');
  EXPECT_TRUE(IsDomainName(label + '.' + label + '.' + label + '.' + std::string(61, 'a')));
  EXPECT_FALSE(IsDomainName(label + '.' + label + '.' + label + '.' + std::string(62, 'a')));
}

TEST(MailHostsTest, ReadsAddressLiterals) {
  EXPECT_EQ(*ParseAddressLiteral("[192.0.2.1]"), "192.0.2.1");
  EXPECT_EQ(*ParseAddressLiteral("[IPv6:2001:db8::1]"), "2001:db8::1");
  EXPECT_EQ(*ParseAddressLiteral("[ipv6:::1]"), "::1");
  for (const char* bad :
       {"[]", "[", "]", "192.0.2.1", "[2001:db8::1]", "[IPv6:192.0.2.1]", "[300.0.2.1]", "[x-tag:abc]"}) {
    EXPECT_FALSE(ParseAddressLiteral(bad).ok()) << bad;
  }
}

uint64_t AlwaysLast(uint64_t bound) { return bound - 1; }  // keeps the order

TEST(MailHostsTest, OrdersByPreferenceThenAtRandom) {
  const std::vector<Mx> records = {{20, "c"}, {10, "a"}, {10, "b"}, {20, "a"}};
  EXPECT_EQ(*OrderMailHosts(records, "own", AlwaysLast), (std::vector<std::string>{"a", "b", "c"}));
  std::set<std::string> first;
  uint64_t seed = 1;
  for (int i = 0; i < 64; ++i) {
    first.insert(OrderMailHosts(records, "own", [&](uint64_t bound) {
                   return (seed = seed * 6364136223846793005U + 1442695040888963407U) / 7 % bound;
                 })->front());
  }
  EXPECT_EQ(first, (std::set<std::string>{"a", "b"}));
}

TEST(MailHostsTest, LeavesOutItselfAndWhatIsNotPreferredToIt) {
  EXPECT_EQ(*OrderMailHosts({{10, "a"}, {20, "Own"}, {20, "b"}, {30, "c"}}, "own", AlwaysLast),
            std::vector<std::string>{"a"});
  EXPECT_EQ(OrderMailHosts({{10, "own"}, {20, "b"}}, "own", AlwaysLast).error().code, Code::kPrecondition);
}

TEST(MailHostsTest, NullMxTakesNoMail) {
  EXPECT_EQ(OrderMailHosts({{0, ""}}, "own", AlwaysLast).error().code, Code::kUnsupported);
  EXPECT_EQ(*OrderMailHosts({{0, ""}, {10, "a"}}, "own", AlwaysLast), std::vector<std::string>{"a"});
  EXPECT_EQ(OrderMailHosts({{0, ""}, {10, ""}}, "own", AlwaysLast).error().code, Code::kUnsupported);
}

}  // namespace
}  // namespace sekisho::dns
