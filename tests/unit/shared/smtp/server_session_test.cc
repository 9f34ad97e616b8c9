#include "shared/smtp/server_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "shared/base/bytes.h"
#include "tests/unit/shared/smtp/conversation.h"

namespace sekisho::smtp {
namespace {

using namespace std::string_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;
using Kind = ServerSession::Kind;
using testing::Conversation;

constexpr char kHello[] = "EHLO client.example\r\n";
constexpr char kEnvelope[] = "MAIL FROM:<a@example.jp>\r\nRCPT TO:<b@partner.example>\r\n";

Conversation Greeted(ServerSession::Options options = Conversation::Default(), bool tls = false) {
  Conversation talk(std::move(options), tls);
  EXPECT_EQ(talk.TakeOutput(), "220 gw.example.jp ESMTP Sekisho\r\n");
  EXPECT_EQ(talk.Codes(kHello), "250");
  return talk;
}

TEST(ServerSessionTest, OffersWhatTheConnectionAllows) {
  Conversation clear;
  clear.TakeOutput();
  const std::string in_clear = clear.Say(kHello);
  for (const char* extension :
       {"PIPELINING", "SIZE 52428800", "8BITMIME", "SMTPUTF8", "CHUNKING", "DSN", "ENHANCEDSTATUSCODES", "STARTTLS"}) {
    EXPECT_THAT(in_clear, HasSubstr(extension));
  }
  EXPECT_THAT(in_clear, Not(HasSubstr("AUTH")));
  EXPECT_THAT(in_clear, Not(HasSubstr("REQUIRETLS")));
  EXPECT_EQ(clear.Say("HELO old\r\n"), "250 gw.example.jp\r\n");

  Conversation secured(Conversation::Default(), true);
  const std::string under_tls = secured.Say(kHello);
  EXPECT_THAT(under_tls, HasSubstr("AUTH PLAIN LOGIN"));
  EXPECT_THAT(under_tls, HasSubstr("REQUIRETLS"));
  EXPECT_THAT(under_tls, Not(HasSubstr("STARTTLS")));
}

TEST(ServerSessionTest, TheSameHoweverTheOctetsCome) {
  const std::string all = kHello + std::string(kEnvelope) +
                          "RCPT TO:<nobody@x.example>\r\nDATA\r\nSubject: x\r\n\r\n..a\r\n.\r\n" + kEnvelope +
                          "BDAT 4\r\na\r\nbBDAT 3 LAST\r\nc\r\nNOOP\r\nQUIT\r\n";
  for (const size_t step : {size_t{1}, size_t{2}, size_t{7}, size_t{50}, SIZE_MAX}) {
    Conversation talk;
    talk.TakeOutput();
    EXPECT_EQ(talk.Codes(all, step), "250 250 250 550 354 250 250 250 250 250 250 221");
    ASSERT_THAT(talk.mails, SizeIs(2));
    EXPECT_EQ(talk.mails[0].content, "Subject: x\r\n\r\n.a\r\n");
    EXPECT_THAT(talk.mails[0].recipients, ElementsAre("b@partner.example"));
    EXPECT_EQ(talk.mails[1].content, "a\r\nbc\r\n");
    EXPECT_TRUE(talk.closed());
  }
}

// A table: commands, then the codes they get.
TEST(ServerSessionTest, CommandsInTheirOrder) {
  const std::pair<std::string, std::string> table[] = {
      {"MAIL FROM:<a@example.jp>\r\n", "503"},  // no EHLO
      {"RCPT TO:<a@example.jp>\r\n", "503"},
      {"DATA\r\n", "503"},
      {"AUTH PLAIN\r\n", "503"},
      {"BDAT 2 LAST\r\nx\n"s + "NOOP\r\n", "503 250"},
      {"NOOP\r\nRSET\r\nHELP\r\nVRFY x\r\n", "250 250 214 252"},
      {kHello + "RCPT TO:<b@x.example>\r\n"s, "250 503"},
      {kHello + "DATA\r\n"s, "250 503"},
      {kHello + "MAIL FROM:<a@example.jp>\r\nMAIL FROM:<a@example.jp>\r\n"s, "250 250 503"},
      {kHello + "MAIL FROM:<a@example.jp>\r\nDATA\r\n"s, "250 250 554"},
      {kHello + "MAIL FROM:<a@example.jp>\r\nRCPT TO:<nobody@x.example>\r\nDATA\r\n"s, "250 250 550 554"},
      {kHello + "MAIL FROM:<a@example.jp>\r\nBDAT 2 LAST\r\nx\nMAIL FROM:<a@example.jp>\r\n"s, "250 250 554 250"},
      {kHello + std::string(kEnvelope) + "BDAT 2\r\nx\r" + "RCPT TO:<c@x.example>\r\nDATA\r\nRSET\r\n",
       "250 250 250 250 503 503 250"},
      {kHello + std::string(kEnvelope) + "EHLO again\r\nDATA\r\n", "250 250 250 250 503"},
      {kHello + std::string(kEnvelope) + "STARTTLS\r\n", "250 250 250 503"},
      {kHello + "AUTH PLAIN AGEAYg==\r\n"s, "250 538"},
      {kHello + "MAIL FROM:<a@example.jp> REQUIRETLS\r\n"s, "250 530"},
      {kHello + "MAIL FROM:<a@example.jp> SIZE=52428801\r\nMAIL FROM:<a@example.jp> SIZE=52428800\r\n"s, "250 552 250"},
      {"HELO old\r\nMAIL FROM:<a@example.jp> SIZE=1\r\nMAIL FROM:<a@example.jp>\r\n", "250 555 250"},
      {kHello + "NONSENSE\r\nMAIL FROM:<>\r\n"s, "250 500 250"},
  };
  for (const auto& [commands, codes] : table) {
    Conversation talk;
    talk.TakeOutput();
    EXPECT_EQ(talk.Codes(commands), codes) << commands;
    EXPECT_FALSE(talk.closed());
  }
}

TEST(ServerSessionTest, TellsOfMailThatWillNotEnd) {
  for (const char* end : {"RSET\r\n", "EHLO again\r\n", "HELO again\r\n", "QUIT\r\n", "DATA\r\na\nb\r\n.\r\n",
                          "BDAT 3 LAST\r\na\nb", "BDAT 60000000\r\n"}) {
    Conversation talk = Greeted();
    talk.Say(kEnvelope + std::string(end));
    EXPECT_EQ(talk.aborted, 1) << end;
    EXPECT_THAT(talk.mails, IsEmpty());
  }
  Conversation talk = Greeted();
  talk.Say("RSET\r\nEHLO again\r\n"s + kEnvelope + "DATA\r\nx\r\n.\r\nRSET\r\nQUIT\r\n");
  EXPECT_EQ(talk.aborted, 0) << "there was none, or it had ended";
}

TEST(ServerSessionTest, ARefusalByTheOwnerEndsTheMail) {
  for (const Kind refused : {Kind::kMail, Kind::kBegin, Kind::kEnd}) {
    Conversation talk = Greeted();
    talk.answer = [&](Kind kind) { return kind == refused ? Reply(451, "4.3.0", "later") : Reply(250, "2.0.0", "ok"); };
    const char* expected = refused == Kind::kMail    ? "451 503 503"
                           : refused == Kind::kBegin ? "250 250 451"
                                                     : "250 250 354";
    EXPECT_EQ(talk.Codes(kEnvelope + "DATA\r\n"s), expected);
    EXPECT_EQ(refused == Kind::kEnd ? talk.Codes("x\r\n.\r\n") : "451", "451");
    EXPECT_EQ(talk.aborted, 0) << "the owner knows";
    talk.answer = nullptr;
    EXPECT_EQ(talk.Codes(kEnvelope + "DATA\r\nx\r\n.\r\n"s), "250 250 354 250") << "the next one goes";
  }
}

TEST(ServerSessionTest, ARefusedChunkIsSwallowedAndSoAreThoseBehindIt) {
  Conversation talk = Greeted();
  talk.answer = [&](Kind kind) {
    return kind == Kind::kBegin ? Reply(452, "4.3.1", "full") : Reply(250, "2.0.0", "ok");
  };
  EXPECT_EQ(talk.Codes(kEnvelope + "BDAT 5\r\nhelloBDAT 5 LAST\r\nworldNOOP\r\n"s), "250 250 452 503 250");
  EXPECT_EQ(talk.begun, 1);
}

TEST(ServerSessionTest, ContentThatTheOwnerCannotTakeIsRefusedAtItsEnd) {
  Conversation talk = Greeted();
  talk.taken = MakeError(Code::kExhausted, "the disk is full");
  EXPECT_EQ(talk.Codes(kEnvelope + "DATA\r\nx\r\ny\r\n"s, 3), "250 250 354");
  EXPECT_THAT(talk.Say("z\r\n.\r\n"), StartsWith("452 4.3.1 the disk is full"));
  EXPECT_EQ(talk.aborted, 0);
  EXPECT_THAT(talk.mails, IsEmpty());
}

TEST(ServerSessionTest, SmuggledMailsAreOneRefusedMail) {
  for (const std::string& form :
       {"\n.\n"s, "\r.\r"s, "\n.\r\n"s, "\r\n.\n"s, "\r.\r\n"s, "\r\n.\r"s, "\r\n\0.\r\n"s, "\r\n.\0\r\n"s}) {
    Conversation talk = Greeted();
    EXPECT_EQ(talk.Codes(kEnvelope + "DATA\r\n"s), "250 250 354");
    EXPECT_EQ(talk.Codes("one" + form + kEnvelope + "DATA\r\nSubject: evil\r\n\r\ntwo\r\n.\r\n", 5), "550") << form;
    EXPECT_THAT(talk.mails, IsEmpty());
    EXPECT_EQ(talk.Codes(kEnvelope + "DATA\r\nthree\r\n.\r\n"s), "250 250 354 250");
    ASSERT_THAT(talk.mails, SizeIs(1));
    EXPECT_EQ(talk.mails[0].content, "three\r\n");
  }
}

TEST(ServerSessionTest, ChunksObeyTheSameRules) {
  const std::pair<std::string, std::string> table[] = {
      {"BDAT 3\r\na\r\nBDAT 3 LAST\r\nb\r\n", "250 250"},
      {"BDAT 2\r\na\rBDAT 2 LAST\r\n\nb", "250 250"},  // CRLF across chunks
      {"BDAT 2\r\na\rBDAT 1 LAST\r\nb", "250 550"},
      {"BDAT 2 LAST\r\na\r", "550"},
      {"BDAT 3 LAST\r\na\nb", "550"},
      {"BDAT 3\r\na\nbBDAT 1 LAST\r\nc", "550 503"},
      {"BDAT 3 LAST\r\na\0b"s, "550"},
      {"BDAT 0 LAST\r\n", "250"},
      {"BDAT 5 LAST\r\n.\r\n.\r", "550"},
      {"BDAT 6 LAST\r\n.\r\n.\r\n", "250"},  // dots mean nothing here
  };
  for (const auto& [chunks, codes] : table) {
    Conversation talk = Greeted();
    talk.Say(kEnvelope);
    EXPECT_EQ(talk.Codes(chunks + "NOOP\r\n"), codes + " 250") << chunks;
  }
}

TEST(ServerSessionTest, LimitsOfSize) {
  ServerSession::Options options = Conversation::Default();
  options.max_size = 100;
  const std::string exact = std::string(48, 'x') + "\r\n" + std::string(48, 'y') + "\r\n";
  Conversation talk = Greeted(options);
  EXPECT_EQ(talk.Codes(kEnvelope + "DATA\r\n"s + exact + ".\r\n"), "250 250 354 250");
  EXPECT_EQ(talk.Codes(kEnvelope + "DATA\r\nz"s + exact + ".\r\n"), "250 250 354 552");
  EXPECT_EQ(talk.Codes(kEnvelope + "BDAT 100 LAST\r\n"s + exact), "250 250 250");
  EXPECT_EQ(talk.Codes(kEnvelope + "BDAT 60\r\n"s + exact.substr(0, 60) + "BDAT 41 LAST\r\n" + exact.substr(60) + "z"),
            "250 250 250 552");
  EXPECT_THAT(talk.mails, SizeIs(2));
  EXPECT_FALSE(talk.closed());
  EXPECT_EQ(talk.Codes(kEnvelope + "DATA\r\n"s + exact + exact + "z\r\nstill more"), "250 250 354 552")
      << "it will not listen";
  EXPECT_TRUE(talk.closed());
}

TEST(ServerSessionTest, WhatIsRefusedIsNotSwallowedForEver) {
  ServerSession::Options options = Conversation::Default();
  options.max_size = 1000;
  Conversation talk = Greeted(options);
  talk.Say(kEnvelope + "DATA\r\nbare\nline\r\n"s);
  for (int i = 0; i < 300 && !talk.closed(); ++i) talk.Say("octets of a mail that is refused already\r\n");
  EXPECT_TRUE(talk.closed());
  Conversation chunk = Greeted(options);
  EXPECT_EQ(chunk.Codes("BDAT 1000000000\r\n"), "503") << "not even a chunk that belongs to nothing";
  EXPECT_TRUE(chunk.closed());
}

TEST(ServerSessionTest, LimitsOfRecipients) {
  ServerSession::Options options = Conversation::Default();
  options.max_recipients = 2;
  Conversation talk = Greeted(options);
  talk.Say("MAIL FROM:<a@example.jp>\r\n");
  EXPECT_EQ(talk.Codes("RCPT TO:<1@x.example>\r\nRCPT TO:<nobody@x.example>\r\nRCPT TO:<2@x.example>\r\n"),
            "250 550 250");
  EXPECT_THAT(talk.Say("RCPT TO:<3@x.example>\r\n"), StartsWith("452 4.5.3"));
  EXPECT_EQ(talk.Codes("DATA\r\nx\r\n.\r\n"), "354 250");
  EXPECT_THAT(talk.mails[0].recipients, SizeIs(2));
}

TEST(ServerSessionTest, TooManyErrorsAndItIsOver) {
  Conversation talk = Greeted();
  for (int i = 0; i < 19; ++i) EXPECT_EQ(talk.Codes("WHAT\r\n"), "500");
  EXPECT_EQ(talk.Codes(kEnvelope + "DATA\r\nx\r\n.\r\n"s), "250 250 354 250") << "a mail makes up for them";
  for (int i = 0; i < 19; ++i) EXPECT_EQ(talk.Codes("WHAT\r\n"), "500");
  EXPECT_EQ(talk.Codes("WHAT\r\nNOOP\r\n"), "421");
  EXPECT_TRUE(talk.closed());
  Conversation refused = Greeted();
  refused.Say("MAIL FROM:<a@example.jp>\r\n");
  for (int i = 0; i < 30; ++i) refused.Say("RCPT TO:<nobody@x.example>\r\n");
  EXPECT_FALSE(refused.closed()) << "that a mailbox does not exist is no error of the client";
}

TEST(ServerSessionTest, LinesAreStrict) {
  for (const std::string& line : {"NOOP\n"s, "NO\0OP\r\n"s, "NOOP x\rx\r\n"s, "\r\r\n"s}) {
    Conversation talk = Greeted();
    EXPECT_EQ(talk.Codes(line + "NOOP\r\n"), "500 250") << line;
  }
  Conversation longest = Greeted();
  EXPECT_EQ(longest.Codes("NOOP " + std::string(4090, 'x') + "\r\n"), "250");
  EXPECT_EQ(longest.Codes("NOOP " + std::string(4096, 'x') + "\r\n"), "500");
  EXPECT_TRUE(longest.closed());
  Conversation endless = Greeted();
  EXPECT_EQ(endless.Codes(std::string(5000, 'x'), 100), "500") << "not only once it ends";
  EXPECT_TRUE(endless.closed());
  ServerSession::Options printer = Conversation::Default();
  printer.normalize_bare_lf = true;
  Conversation lenient = Greeted(printer);
  EXPECT_EQ(lenient.Codes("NOOP\nMAIL FROM:<a@example.jp>\nRCPT TO:<b@x.example>\nDATA\nx\n.\n"), "250 250 250 354");
  EXPECT_EQ(lenient.Codes("y\r\n.\r\n"), "250");
  EXPECT_EQ(lenient.mails[0].content, "x\r\n.\r\ny\r\n");
}

TEST(ServerSessionTest, StartTlsBeginsAnew) {
  Conversation talk = Greeted();
  EXPECT_EQ(talk.Codes("STARTTLS\r\n"), "220");
  EXPECT_TRUE(talk.session().tls());
  EXPECT_EQ(talk.Codes("MAIL FROM:<a@example.jp>\r\n"), "503") << "EHLO of before counts for nothing";
  EXPECT_EQ(talk.Codes(kHello + "STARTTLS\r\n"s), "250 503");
}

TEST(ServerSessionTest, WhatCameInTheClearNeverCountsUnderTls) {
  Conversation talk = Greeted();
  EXPECT_EQ(talk.Codes("STARTTLS\r\nMAIL FROM:<evil@example.jp>\r\n"), "554");
  EXPECT_TRUE(talk.closed());
  Conversation half = Greeted();
  EXPECT_EQ(half.Codes("STARTTLS\r\nM"), "554");
  EXPECT_TRUE(half.closed());
}

class LoginTest : public ::testing::Test {
 protected:
  Conversation talk_ = Greeted(Conversation::Default(), true);
  static std::string Plain(const std::string& text) { return Base64Encode(text); }
};

TEST_F(LoginTest, PlainAndLoginInBothForms) {
  EXPECT_EQ(talk_.Codes("AUTH PLAIN " + Plain("\0hanako\0secret"s) + "\r\n"), "235");
  EXPECT_EQ(talk_.Codes("AUTH PLAIN\r\n"), "503") << "once is enough";
  Conversation continued = Greeted(Conversation::Default(), true);
  EXPECT_EQ(continued.Say("AUTH PLAIN\r\n"), "334 \r\n");
  EXPECT_EQ(continued.Codes(Plain("hanako\0hanako\0secret"s) + "\r\n"), "235") << "acting for oneself";
  Conversation login = Greeted(Conversation::Default(), true);
  EXPECT_EQ(login.Say("AUTH LOGIN\r\n"), "334 VXNlcm5hbWU6\r\n");
  EXPECT_EQ(login.Say(Plain("hanako") + "\r\n"), "334 UGFzc3dvcmQ6\r\n");
  EXPECT_EQ(login.Codes(Plain("secret") + "\r\n"), "235");
  Conversation initial = Greeted(Conversation::Default(), true);
  EXPECT_EQ(initial.Codes("AUTH LOGIN " + Plain("hanako") + "\r\n" + Plain("secret") + "\r\n"), "334 235");
  for (const Conversation* one : {&talk_, &continued, &login, &initial})
    EXPECT_THAT(one->logins, ElementsAre("hanako:secret"));
  EXPECT_EQ(initial.session().login(), "hanako");
  initial.Say(kEnvelope + "DATA\r\nx\r\n.\r\n"s);
  EXPECT_EQ(initial.mails[0].login, "hanako");
}

TEST_F(LoginTest, WhatIsNoLoginIsNotAsked) {
  const std::pair<std::string, std::string> table[] = {
      {"AUTH PLAIN\r\n*\r\n", "334 501"},
      {"AUTH LOGIN\r\n*\r\n", "334 501"},
      {"AUTH PLAIN not-base64!\r\n", "501"},
      {"AUTH PLAIN =\r\n", "501"},
      {"AUTH PLAIN " + Plain("hanako\0secret"s) + "\r\n", "501"},
      {"AUTH PLAIN " + Plain("other\0hanako\0secret"s) + "\r\n", "535"},
      {"AUTH PLAIN " + Plain("\0hanako\0sec\0ret"s) + "\r\n", "535"},
      {"AUTH PLAIN " + Plain("\0\0secret"s) + "\r\n", "535"},
      {"AUTH PLAIN " + Plain("\0hanako\0"s) + "\r\n", "535"},
      {"AUTH LOGIN " + Plain("han\0ako"s) + "\r\n" + Plain("secret") + "\r\n", "334 535"},
      {"AUTH CRAM-MD5\r\n", "504"},
  };
  for (const auto& [said, codes] : table) {
    Conversation talk = Greeted(Conversation::Default(), true);
    EXPECT_EQ(talk.Codes(said), codes) << said;
    EXPECT_THAT(talk.logins, IsEmpty());
    EXPECT_EQ(talk.session().login(), "");
    EXPECT_EQ(talk.Codes("NOOP\r\n"), "250");
  }
  EXPECT_EQ(talk_.Codes("AUTH PLAIN\r\n" + std::string(13'000, 'A')), "334 500");
  EXPECT_TRUE(talk_.closed());
}

TEST_F(LoginTest, AWrongPasswordIsAnError) {
  talk_.answer = [](Kind) { return Reply(535, "5.7.8", "wrong"); };
  for (int i = 0; i < 19; ++i) EXPECT_EQ(talk_.Codes("AUTH PLAIN " + Plain("\0hanako\0guess"s) + "\r\n"), "535");
  EXPECT_EQ(talk_.Codes("AUTH PLAIN " + Plain("\0hanako\0guess"s) + "\r\n"), "421");
}

TEST_F(LoginTest, MayBeDemandedBeforeMail) {
  ServerSession::Options options = Conversation::Default();
  options.auth_required = true;
  Conversation talk = Greeted(options, true);
  EXPECT_EQ(talk.Codes("MAIL FROM:<a@example.jp>\r\n"), "530");
  EXPECT_EQ(talk.Codes("AUTH PLAIN " + Plain("\0hanako\0secret"s) + "\r\n" + kEnvelope), "235 250 250");
  EXPECT_EQ(talk.Codes("AUTH PLAIN\r\n"), "503") << "not within a mail";
}

TEST(ServerSessionTest, CloseSaysItsReplyLast) {
  Conversation talk = Greeted();
  talk.Say(kEnvelope + "DATA\r\nhalf"s);
  EXPECT_FALSE(talk.session().idle());
  EXPECT_TRUE(talk.session().in_content());
  talk.session().Close(Reply(421, "4.4.2", "too slow"));
  EXPECT_EQ(talk.session().Next().kind, Kind::kClose);
  EXPECT_EQ(talk.session().TakeOutput(), "421 4.4.2 too slow\r\n");
}

}  // namespace
}  // namespace sekisho::smtp
