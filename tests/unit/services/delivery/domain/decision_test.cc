#include "services/delivery/domain/decision.h"

#include <gtest/gtest.h>

namespace sekisho::delivery {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr TimePoint kQueued{hours(24 * 365 * 50)};

class DecisionTest : public ::testing::Test {
 protected:
  DecisionTest() {
    envelope_.set_mail_from("hanako@example.jp");
    recipient_.set_address("yamada@customer.example");
    attempted_.envelope = &envelope_;
    attempted_.recipient = &recipient_;
    attempted_.queued_at = kQueued;
  }
  Decision Decide(const Disposition& disposition, Duration after = seconds(1)) {
    return delivery::Decide(attempted_, disposition, RetrySchedule{}, kQueued + after, 0.5);
  }
  static Disposition Reply(int code) { return OfReply(Step::kDot, {code, "", "words"}, false); }

  mail::v1::Envelope envelope_;
  mail::v1::Recipient recipient_;
  Attempted attempted_;
};

TEST_F(DecisionTest, SuccessIsDeliveredOrRelayed) {
  EXPECT_EQ(Decide(Reply(250)).state, State::kDelivered);
  attempted_.smart_host = true;
  EXPECT_EQ(Decide(Reply(250)).state, State::kRelayed);
  EXPECT_EQ(Decide(Reply(250)).notice, std::nullopt);
}

TEST_F(DecisionTest, SuccessIsToldWhenAskedAndThePeerWillNot) {
  recipient_.add_notify(mail::v1::Recipient::NOTIFY_SUCCESS);
  EXPECT_EQ(Decide(Reply(250)).notice, DsnAction::kRelayed);
  attempted_.dsn_passed_on = true;
  EXPECT_EQ(Decide(Reply(250)).notice, std::nullopt);
}

TEST_F(DecisionTest, ARefusalBouncesAndTellsTheSender) {
  const Decision decision = Decide(Reply(550));
  EXPECT_EQ(decision.state, State::kBounced);
  EXPECT_EQ(decision.notice, DsnAction::kFailed);
  EXPECT_EQ(decision.status, "5.0.0");
}

TEST_F(DecisionTest, NobodyIsToldOfMailWithTheNullSender) {
  envelope_.clear_mail_from();
  EXPECT_EQ(Decide(Reply(550)).notice, std::nullopt);
  EXPECT_EQ(Decide(Reply(450), hours(24 * 6)).notice, std::nullopt);
  EXPECT_EQ(Decide(Reply(550)).state, State::kBounced);
}

TEST_F(DecisionTest, NotifyNeverIsHonoured) {
  recipient_.add_notify(mail::v1::Recipient::NOTIFY_NEVER);
  EXPECT_EQ(Decide(Reply(550)).notice, std::nullopt);
  const Decision late = Decide(Reply(450), hours(5));
  EXPECT_EQ(late.notice, std::nullopt);
  EXPECT_TRUE(late.noticed);
}

TEST_F(DecisionTest, ADeferralIsTriedAgain) {
  const Decision decision = Decide(Reply(451));
  EXPECT_EQ(decision.event, Event::kDefer);
  EXPECT_EQ(decision.state, State::kDeferred);
  EXPECT_EQ(decision.due, kQueued + seconds(61));
  EXPECT_EQ(decision.notice, std::nullopt);
  EXPECT_FALSE(decision.noticed);
}

TEST_F(DecisionTest, TheRestOfTooManyRecipientsGoesAtOnce) {
  const Decision decision = Decide(OfReply(Step::kRecipient, {452, "4.5.3", "too many"}, true));
  EXPECT_EQ(decision.state, State::kDeferred);
  EXPECT_EQ(decision.due, kQueued + seconds(1));
}

TEST_F(DecisionTest, ADelayIsToldOnceAfterFourHours) {
  EXPECT_EQ(Decide(Reply(451), hours(4) - seconds(1)).notice, std::nullopt);
  const Decision late = Decide(Reply(451), hours(4));
  EXPECT_EQ(late.notice, DsnAction::kDelayed);
  EXPECT_TRUE(late.noticed);
  attempted_.noticed = true;
  EXPECT_EQ(Decide(Reply(451), hours(9)).notice, std::nullopt);
  EXPECT_TRUE(Decide(Reply(451), hours(9)).noticed);
}

TEST_F(DecisionTest, GivenUpAfterFiveDaysIsABounceWithItsOwnStatus) {
  const Decision decision = Decide(OfFailure(Step::kConnect, MakeError(Code::kTimeout, "no answer")), hours(24 * 5));
  EXPECT_EQ(decision.event, Event::kExpire);
  EXPECT_EQ(decision.state, State::kExpired);
  EXPECT_EQ(decision.notice, DsnAction::kFailed);
  EXPECT_EQ(decision.status, "5.4.7");
}

}  // namespace
}  // namespace sekisho::delivery
