#include "shared/smtp/command.h"

#include <gtest/gtest.h>

#include <string>

namespace sekisho::smtp {
namespace {

template <typename T>
T Parsed(std::string_view line, bool smtputf8 = false) {
  auto parsed = ParseCommand(line, {true, smtputf8});
  EXPECT_TRUE(parsed.command.has_value()) << line << ": " << parsed.error.Text();
  if (!parsed.command || !std::holds_alternative<T>(*parsed.command)) {
    ADD_FAILURE() << line << " is another command";
    return T{};
  }
  return std::get<T>(*std::move(parsed.command));
}

std::string Refused(std::string_view line, CommandContext context = {}) {
  const auto parsed = ParseCommand(line, context);
  EXPECT_FALSE(parsed.command.has_value()) << line;
  return std::to_string(parsed.error.code) + " " + parsed.error.enhanced;
}

TEST(CommandTest, Hellos) {
  EXPECT_EQ(Parsed<Ehlo>("EHLO client.example").name, "client.example");
  EXPECT_TRUE(Parsed<Ehlo>("ehlo [192.0.2.1]").extended);
  EXPECT_FALSE(Parsed<Ehlo>("HeLo printer").extended);
  for (const char* bad : {"EHLO", "EHLO ", "EHLO a b", "EHLO a\tb", "EHLO (x)", "EHLO <x>", "EHLO a;b", "EHLO 花"}) {
    EXPECT_EQ(Refused(bad), "501 5.5.4") << bad;
  }
  EXPECT_EQ(Refused("EHLO " + std::string(256, 'a')), "501 5.5.4");
}

TEST(CommandTest, MailFromWithEveryParameter) {
  const auto mail = Parsed<MailFrom>(
      "MAIL FROM:<hanako@example.jp> SIZE=1234 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=QQ+2B314159 REQUIRETLS AUTH=<>");
  EXPECT_EQ(mail.path.mailbox.ToString(), "hanako@example.jp");
  EXPECT_EQ(mail.size, 1234u);
  EXPECT_TRUE(mail.body_8bit);
  EXPECT_TRUE(mail.smtputf8);
  EXPECT_TRUE(mail.require_tls);
  EXPECT_EQ(mail.ret, MailFrom::Ret::kHeaders);
  EXPECT_EQ(mail.envid, "QQ+314159");
  EXPECT_TRUE(Parsed<MailFrom>("mail from:<>").path.null);
  EXPECT_FALSE(Parsed<MailFrom>("MAIL FROM:<a@b.example> body=7bit").body_8bit);
  EXPECT_EQ(Parsed<MailFrom>("MAIL FROM: <a@b.example> ").path.mailbox.local_part, "a") << "what many clients send";
}

TEST(CommandTest, MailFromRefused) {
  const std::pair<const char*, const char*> table[] = {
      {"MAIL", "501 5.5.4"},
      {"MAIL TO:<a@b.example>", "501 5.5.4"},
      {"MAIL FROM:a@b.example", "501 5.1.7"},
      {"MAIL FROM:<a@b.example", "501 5.1.7"},
      {"MAIL FROM:<a@b.example>SIZE=1", "501 5.5.4"},
      {"MAIL FROM:<a@b.example> SIZE=1 SIZE=2", "501 5.5.4"},
      {"MAIL FROM:<a@b.example> SIZE=", "501 5.5.4"},
      {"MAIL FROM:<a@b.example> SIZE=-1", "501 5.5.4"},
      {"MAIL FROM:<a@b.example> SIZE=1x", "501 5.5.4"},
      {"MAIL FROM:<a@b.example> SIZE=99999999999999999999999", "501 5.5.4"},
      {"MAIL FROM:<a@b.example> BODY=BINARYMIME", "501 5.5.4"},
      {"MAIL FROM:<a@b.example> SMTPUTF8=yes", "501 5.5.4"},
      {"MAIL FROM:<a@b.example> REQUIRETLS=1", "501 5.5.4"},
      {"MAIL FROM:<a@b.example> RET=SOME", "501 5.5.4"},
      {"MAIL FROM:<a@b.example> ENVID=a+zz", "501 5.5.4"},
      {"MAIL FROM:<a@b.example> ENVID=+0D+0A", "501 5.5.4"},
      {"MAIL FROM:<a@b.example> HOLDUNTIL=1", "555 5.5.4"},
      {"MAIL FROM:<a@b.example> NOTIFY=NEVER", "555 5.5.4"},
      {"MAIL FROM:<花子@example.jp>", "553 5.6.7"},
      {"MAIL FROM:<a@b.example>  SIZE=1", "501 5.5.4"},
  };
  for (const auto& [line, code] : table) EXPECT_EQ(Refused(line), code) << line;
  EXPECT_EQ(Refused("MAIL FROM:<a@b.example> ENVID=" + std::string(101, 'a')), "501 5.5.4");
  EXPECT_EQ(Refused("MAIL FROM:<a@b.example> SIZE=1", {.extended = false}), "555 5.5.4") << "parameters after HELO";
  EXPECT_EQ(Refused("MAIL FROM:<花子@example.jp> SMTPUTF8", {.extended = false}), "501 5.1.7");
}

TEST(CommandTest, RcptToWithEveryParameter) {
  const auto rcpt = Parsed<RcptTo>("RCPT TO:<b@c.example> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;B+2Bx@C.example");
  EXPECT_TRUE(rcpt.notify_success && rcpt.notify_failure && rcpt.notify_delay);
  EXPECT_FALSE(rcpt.notify_never);
  EXPECT_EQ(rcpt.orcpt, "rfc822;B+x@C.example");
  EXPECT_TRUE(Parsed<RcptTo>("RCPT TO:<b@c.example> NOTIFY=never").notify_never);
  EXPECT_TRUE(Parsed<RcptTo>("RCPT TO:<花子@example.jp>", true).path.mailbox.needs_smtputf8);
}

TEST(CommandTest, RcptToRefused) {
  const std::pair<const char*, const char*> table[] = {
      {"RCPT", "501 5.5.4"},
      {"RCPT FROM:<b@c.example>", "501 5.5.4"},
      {"RCPT TO:<>", "501 5.1.3"},
      {"RCPT TO:<b>", "501 5.1.3"},
      {"RCPT TO:<花子@example.jp>", "501 5.1.3"},
      {"RCPT TO:<b@c.example> NOTIFY=NEVER,SUCCESS", "501 5.5.4"},
      {"RCPT TO:<b@c.example> NOTIFY=SOMETIMES", "501 5.5.4"},
      {"RCPT TO:<b@c.example> ORCPT=B@C.example", "501 5.5.4"},
      {"RCPT TO:<b@c.example> ORCPT=;B@C.example", "501 5.5.4"},
      {"RCPT TO:<b@c.example> ORCPT=rfc822;a+0Ab", "501 5.5.4"},
      {"RCPT TO:<b@c.example> SIZE=1", "555 5.5.4"},
  };
  for (const auto& [line, code] : table) EXPECT_EQ(Refused(line), code) << line;
}

TEST(CommandTest, TheOthers) {
  Parsed<Data>("DATA");
  Parsed<Data>("data ");
  Parsed<Rset>("RSET");
  Parsed<Quit>("QUIT");
  Parsed<StartTls>("STARTTLS");
  Parsed<Noop>("NOOP anything goes");
  Parsed<Help>("HELP");
  Parsed<Vrfy>("VRFY hanako");
  Parsed<Vrfy>("EXPN staff");
  for (const char* bad : {"DATA x", "RSET x", "QUIT x", "STARTTLS x"}) EXPECT_EQ(Refused(bad), "501 5.5.4") << bad;
  for (const char* bad : {"", " ", "DATAX", "GET / HTTP/1.1", "MAILFROM:<a@b.example>", "\x80"})
    EXPECT_EQ(Refused(bad), "500 5.5.2") << bad;
}

TEST(CommandTest, Bdat) {
  EXPECT_EQ(Parsed<Bdat>("BDAT 0 LAST").size, 0u);
  EXPECT_TRUE(Parsed<Bdat>("bdat 86 last").last);
  EXPECT_FALSE(Parsed<Bdat>("BDAT 100000").last);
  for (const char* bad : {"BDAT", "BDAT x", "BDAT -1", "BDAT 1 FIRST", "BDAT 1 LAST LAST", "BDAT 99999999999999999999",
                          "BDAT 9999999999999"}) {
    EXPECT_EQ(Refused(bad), "501 5.5.4") << bad;
  }
}

TEST(CommandTest, AuthKeepsItsInitialResponseAsGiven) {
  EXPECT_EQ(Parsed<Auth>("AUTH plain").mechanism, "PLAIN");
  EXPECT_FALSE(Parsed<Auth>("AUTH LOGIN").initial.has_value());
  EXPECT_EQ(Parsed<Auth>("AUTH PLAIN AGEAYg==").initial, "AGEAYg==");
  EXPECT_EQ(Parsed<Auth>("AUTH PLAIN =").initial, "=");
  EXPECT_EQ(Refused("AUTH"), "501 5.5.4");
}

TEST(CommandTest, XtextGoesBothWays) {
  EXPECT_EQ(*DecodeXtext("a+2Bb+3Dc"), "a+b=c");
  EXPECT_EQ(EncodeXtext("a+b=c d"), "a+2Bb+3Dc+20d");
  for (const char* bad : {"+", "+2", "a+", "+GG", "a b", "a=b", "+00", "+7F", "+80", "\x80"})
    EXPECT_FALSE(DecodeXtext(bad).ok()) << bad;
  for (const std::string_view text : {"plain", "with space", "plus+equals=", "user@example.jp"})
    EXPECT_EQ(*DecodeXtext(EncodeXtext(text)), text);
}

}  // namespace
}  // namespace sekisho::smtp
