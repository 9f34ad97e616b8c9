#include "services/delivery/domain/disposition.h"

#include <gtest/gtest.h>

#include <set>

namespace sekisho::delivery {
namespace {

using Kind = Disposition::Kind;

struct ReplyCase {
  Step step;
  int code;
  const char* enhanced;
  Kind kind;
  const char* status;
};

class ReplyTest : public ::testing::TestWithParam<ReplyCase> {};

TEST_P(ReplyTest, Means) {
  const ReplyCase& expected = GetParam();
  const Disposition got = OfReply(expected.step, {expected.code, expected.enhanced, "words"}, false);
  EXPECT_EQ(got.kind, expected.kind);
  EXPECT_EQ(got.status, expected.status);
  EXPECT_TRUE(got.from_peer);
  EXPECT_FALSE(got.ambiguous);
  EXPECT_EQ(got.text, std::to_string(expected.code) + " " +
                          (*expected.enhanced ? std::string(expected.enhanced) + " " : "") + "words");
}

INSTANTIATE_TEST_SUITE_P(
    All, ReplyTest,
    ::testing::Values(ReplyCase{Step::kDot, 250, "2.0.0", Kind::kDelivered, "2.0.0"},
                      ReplyCase{Step::kDot, 250, "", Kind::kDelivered, "2.0.0"},
                      ReplyCase{Step::kDot, 251, "2.1.5", Kind::kDelivered, "2.1.5"},
                      ReplyCase{Step::kDot, 451, "4.3.0", Kind::kDefer, "4.3.0"},
                      ReplyCase{Step::kDot, 554, "5.7.1", Kind::kBounce, "5.7.1"},
                      ReplyCase{Step::kDot, 550, "", Kind::kBounce, "5.0.0"},
                      ReplyCase{Step::kDot, 354, "", Kind::kDefer, "4.0.0"},
                      ReplyCase{Step::kDot, 700, "", Kind::kDefer, "4.0.0"},
                      ReplyCase{Step::kRecipient, 550, "5.1.1", Kind::kBounce, "5.1.1"},
                      ReplyCase{Step::kRecipient, 550, "", Kind::kBounce, "5.1.0"},
                      ReplyCase{Step::kRecipient, 450, "4.2.1", Kind::kDefer, "4.2.1"},
                      ReplyCase{Step::kRecipient, 450, "5.2.1", Kind::kDefer, "4.1.0"},     // class and code disagree
                      ReplyCase{Step::kRecipient, 550, "5.1.1.1", Kind::kBounce, "5.1.0"},  // no enhanced code
                      ReplyCase{Step::kRecipient, 550, "5.1234.1", Kind::kBounce, "5.1.0"},
                      ReplyCase{Step::kRecipient, 550, "5.1.", Kind::kBounce, "5.1.0"},
                      ReplyCase{Step::kRecipient, 552, "5.2.2", Kind::kBounce, "5.2.2"},
                      ReplyCase{Step::kRecipient, 556, "5.1.10", Kind::kBounce, "5.1.10"},
                      ReplyCase{Step::kRecipient, 250, "", Kind::kDefer, "4.1.0"},  // a success is no refusal
                      ReplyCase{Step::kMailFrom, 451, "", Kind::kDefer, "4.1.0"},
                      ReplyCase{Step::kMailFrom, 553, "5.1.8", Kind::kBounce, "5.1.8"},
                      ReplyCase{Step::kData, 554, "5.5.1", Kind::kBounce, "5.5.1"},
                      ReplyCase{Step::kData, 421, "4.3.2", Kind::kDefer, "4.3.2"},
                      ReplyCase{Step::kGreeting, 554, "", Kind::kDefer, "4.3.2"},
                      ReplyCase{Step::kGreeting, 421, "4.7.0", Kind::kDefer, "4.7.0"},
                      ReplyCase{Step::kGreeting, 521, "", Kind::kBounce, "5.3.2"},
                      ReplyCase{Step::kHello, 550, "5.7.1", Kind::kDefer, "4.3.2"},
                      ReplyCase{Step::kAuth, 535, "5.7.8", Kind::kDefer, "4.7.0"},  // ours to mend
                      ReplyCase{Step::kTls, 454, "4.7.0", Kind::kDefer, "4.7.0"}));

TEST(DispositionTest, TooManyRecipientsIsTriedAgainAtOnceWhenOthersWereTaken) {
  for (const int code : {452, 552}) {
    const auto with_others = OfReply(Step::kRecipient, {code, "", "too many recipients"}, true);
    EXPECT_EQ(with_others.kind, Kind::kDefer);
    EXPECT_TRUE(with_others.at_once);
    EXPECT_EQ(with_others.status[0], '4');
    EXPECT_FALSE(OfReply(Step::kRecipient, {code, "", "too many recipients"}, false).at_once);
  }
  EXPECT_FALSE(OfReply(Step::kRecipient, {450, "", ""}, true).at_once);
  EXPECT_FALSE(OfReply(Step::kDot, {452, "", ""}, true).at_once);
}

TEST(DispositionTest, OnlySilenceAfterTheDotIsAmbiguous) {
  for (int i = 0; i <= static_cast<int>(Step::kDot); ++i) {
    const auto step = static_cast<Step>(i);
    const auto got = OfFailure(step, MakeError(Code::kTimeout, "no reply in 5m"));
    EXPECT_EQ(got.kind, Kind::kDefer) << StepName(step);
    EXPECT_EQ(got.ambiguous, step == Step::kDot) << StepName(step);
    EXPECT_FALSE(got.from_peer);
    EXPECT_EQ(got.status[0], '4');
  }
}

TEST(DispositionTest, LookupsThatFailAreDeferredAndAbsenceBounces) {
  const auto of = [](Code code) { return OfFailure(Step::kRoute, MakeError(code, "")); };
  EXPECT_EQ(of(Code::kNotFound).kind, Kind::kBounce);
  EXPECT_EQ(of(Code::kNotFound).status, "5.1.2");
  EXPECT_EQ(of(Code::kUnsupported).status, "5.1.10");
  EXPECT_EQ(of(Code::kPrecondition).status, "5.4.6");
  for (const Code code :
       {Code::kUnavailable, Code::kTimeout, Code::kCorrupt, Code::kExhausted, Code::kCancelled, Code::kInternal}) {
    EXPECT_EQ(of(code).kind, Kind::kDefer) << CodeName(code);
    EXPECT_EQ(of(code).status, "4.4.3");
  }
}

TEST(DispositionTest, WhatThePeerLacksBounces) {
  std::set<std::string> statuses;
  for (const Missing missing : {Missing::kSmtpUtf8, Missing::k8BitMime, Missing::kRequireTls}) {
    const auto got = OfMissing(missing);
    EXPECT_EQ(got.kind, Kind::kBounce);
    EXPECT_EQ(got.status[0], '5');
    EXPECT_FALSE(got.text.empty());
    statuses.insert(got.status);
  }
  EXPECT_EQ(statuses.size(), 3U);
  EXPECT_EQ(OfUnsendable(MakeError(Code::kMalformed, "a bare LF")).kind, Kind::kBounce);
  EXPECT_EQ(OfLoop().kind, Kind::kBounce);
}

TEST(DispositionTest, AHostThatMayTakeItLaterOutweighsOneThatNeverDoes) {
  const Disposition never = OfReply(Step::kGreeting, {521, "", "no mail"}, false),
                    later = OfFailure(Step::kConnect, MakeError(Code::kTimeout, ""));
  EXPECT_EQ(Better(never, later).kind, Kind::kDefer);
  EXPECT_EQ(Better(later, never).kind, Kind::kDefer);
  EXPECT_EQ(Better(never, never).kind, Kind::kBounce);
}

TEST(DispositionTest, ThePeersWordsAreMadeHarmless) {
  const auto got = OfReply(Step::kRecipient, {550, "", "no\r\nBcc: x\x01 \xff 日本\xc2\x80"}, false);
  EXPECT_EQ(got.text, "550 no??Bcc: x? ? 日本?");
  EXPECT_LE(OfReply(Step::kDot, {550, "", std::string(5000, 'x')}, false).text.size(), 400U);
}

TEST(PrintableTest, AddressesAreTakenOut) {
  EXPECT_EQ(WithoutAddresses("550 5.1.1 <yamada@customer.example>: unknown"), "550 5.1.1 <address> unknown");
  EXPECT_EQ(WithoutAddresses("a@b"), "<address>");
  EXPECT_EQ(WithoutAddresses(""), "");
  EXPECT_LE(WithoutAddresses(std::string(900, 'x')).size(), 200U);
}

TEST(PrintableTest, CutsAtACharacter) {
  EXPECT_EQ(Printable("日本", 6), "日本");
  EXPECT_EQ(Printable("日本", 5), "日");
  EXPECT_EQ(Printable("\xed\xa0\x80", 9), "???");  // a surrogate
  EXPECT_EQ(Printable("\xc0\xaf", 9), "??");       // overlong
  EXPECT_EQ(Printable("\xf0\x9f\x93\xa7", 4), "📧");
  EXPECT_EQ(Printable(std::string_view("a\0b", 3)), "a?b");
  EXPECT_EQ(Printable("a\u202eb"), "a?b");  // right-to-left override
}

}  // namespace
}  // namespace sekisho::delivery
