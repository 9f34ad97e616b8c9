#include "shared/smtp/reply.h"

#include <gtest/gtest.h>

#include <string>

namespace sekisho::smtp {
namespace {

std::string Format(const Reply& reply) {
  std::string out;
  AppendReply(reply, out);
  return out;
}

TEST(ReplyTest, FormatsOneLineAndMany) {
  EXPECT_EQ(Format(Reply(250, "2.1.0", "ok")), "250 2.1.0 ok\r\n");
  Reply many(250, "", "gw.example.jp");
  many.lines.push_back("PIPELINING");
  EXPECT_EQ(Format(many), "250-gw.example.jp\r\n250 PIPELINING\r\n");
  EXPECT_EQ(Format(Reply(334, "", "")), "334 \r\n");
}

TEST(ReplyTest, IsNeverAWayIn) {
  EXPECT_EQ(Format(Reply(550, "5.7.1", "no\r\n250 yes")), "550 5.7.1 no??250 yes\r\n");
  EXPECT_EQ(Format(Reply(550, "5.7.1", std::string("a\0b\x7f\xe3", 5))), "550 5.7.1 a?b??\r\n");
  EXPECT_LE(Format(Reply(550, "5.7.1", std::string(10'000, 'x'))).size(), 512u);  // RFC 5321 §4.5.3.1.5
  Reply none;
  none.code = 451;
  EXPECT_EQ(Format(none), "451 \r\n") << "who waits for a reply gets one";
}

TEST(ReplyTest, EveryCodeHasItsReply) {
  for (int i = 0; i < kCodeCount; ++i) {
    const Code code = static_cast<Code>(i);
    const Error error = MakeError(code, "why");
    const Reply reply = ReplyTo(error);
    SCOPED_TRACE(CodeName(code));
    EXPECT_TRUE(reply.transient() || reply.permanent());
    EXPECT_EQ(reply.enhanced.front(), std::to_string(reply.code).front()) << "the class of both codes agrees";
    EXPECT_TRUE(reply.transient() || error.retry == Retry::kNever);
    const Reply later = ReplyTo(Error{code, Retry::kLater, "why"});
    EXPECT_TRUE(later.transient());
    EXPECT_EQ(later.enhanced.front(), '4');
  }
  EXPECT_EQ(ReplyTo(MakeError(Code::kExhausted, "disk")).code, 452);
  EXPECT_EQ(ReplyTo(MakeError(Code::kLimit, "big")).code, 552);
  EXPECT_EQ(ReplyTo(MakeError(Code::kPermission, "no")).code, 550);
  EXPECT_EQ(ReplyTo(MakeError(Code::kInternal, "secret detail")).Text().find("secret"), std::string::npos);
}

TEST(ReplyParserTest, ReadsReplies) {
  ReplyParser parser;
  std::string_view input = "250-mx.example\r\n250-SIZE 1000\r\n250 8BITMIME\r\n550 5.7.1 no\r\n";
  ASSERT_EQ(*parser.Feed(input), ReplyParser::State::kDone);
  EXPECT_EQ(parser.reply().code, 250);
  EXPECT_EQ(parser.reply().lines, (std::vector<std::string>{"mx.example", "SIZE 1000", "8BITMIME"}));
  ASSERT_EQ(*parser.Feed(input), ReplyParser::State::kDone);
  EXPECT_EQ(parser.reply().code, 550);
  EXPECT_EQ(parser.reply().enhanced, "5.7.1");
  EXPECT_EQ(parser.reply().Text(), "no");
  EXPECT_TRUE(input.empty());
}

TEST(ReplyParserTest, ReadsThemOctetByOctet) {
  ReplyParser parser;
  const std::string whole = "250-2.1.0 one\r\n250 2.1.0 two\r\n";
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string_view octet = std::string_view(whole).substr(i, 1);
    const auto state = parser.Feed(octet);
    ASSERT_TRUE(state.ok());
    EXPECT_EQ(*state == ReplyParser::State::kDone, i + 1 == whole.size());
  }
  EXPECT_EQ(parser.reply().Text(), "one two");
}

TEST(ReplyParserTest, TellsEnhancedCodesFromText) {
  const auto enhanced = [](std::string text) {
    ReplyParser parser;
    text += "\r\n";
    std::string_view input = text;
    EXPECT_EQ(*parser.Feed(input), ReplyParser::State::kDone);
    return parser.reply().enhanced;
  };
  EXPECT_EQ(enhanced("250 2.1.5 ok"), "2.1.5");
  EXPECT_EQ(enhanced("550 5.7.509"), "5.7.509");
  EXPECT_EQ(enhanced("550 4.7.1 of another class"), "");
  EXPECT_EQ(enhanced("550 5.7 no"), "");
  EXPECT_EQ(enhanced("550 5.7.1234 no"), "");
  EXPECT_EQ(enhanced("550 5.7.1no"), "");
  EXPECT_EQ(enhanced("250"), "");
}

TEST(ReplyParserTest, RefusesWhatIsNoReply) {
  for (const std::string& bad :
       {std::string("\r\n"), std::string("25\r\n"), std::string("abc\r\n"), std::string("150 x\r\n"),
        std::string("650 x\r\n"), std::string("250 x\n"), std::string("250_x\r\n"), std::string("250-a\r\n251 b\r\n"),
        std::string("250 a\rb\r\n"), std::string("250 a\0b\r\n", 9), std::string("2500 x\r\n"),
        std::string("SSH-2.0-x\r\n")}) {
    ReplyParser parser;
    std::string_view input = bad;
    EXPECT_FALSE(parser.Feed(input).ok()) << bad;
  }
}

TEST(ReplyParserTest, IsBounded) {
  ReplyParser endless_line;
  const std::string long_line = "250 " + std::string(2000, 'x');
  std::string_view input = long_line;
  EXPECT_EQ(endless_line.Feed(input).error().code, Code::kLimit);

  ReplyParser endless_reply;
  std::string many;
  for (int i = 0; i < 101; ++i) many += "250-x\r\n";
  input = many;
  EXPECT_EQ(endless_reply.Feed(input).error().code, Code::kLimit);
}

}  // namespace
}  // namespace sekisho::smtp
