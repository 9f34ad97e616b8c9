#include "services/approval/domain/clock_guard.h"

#include <gtest/gtest.h>

#include "shared/testing/fake_clock.h"

namespace sekisho::approval {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

class ClockGuardTest : public ::testing::Test {
 protected:
  bool Look() { return guard_.Trust(clock_.Now(), clock_.Steady()); }
  testing::FakeClock clock_;
  ClockGuard guard_;
};

TEST_F(ClockGuardTest, TrustsAClockThatRunsAsTimeDoes) {
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(Look());
    clock_.Advance(hours(1));
    clock_.Jump(seconds(i % 2 == 0 ? 5 : -5));
  }
  EXPECT_EQ(guard_.jumps(), 0u);
}

TEST_F(ClockGuardTest, DistrustsOneThatJumpedUntilItWasSteadyForAWhile) {
  for (const Duration jump : {Duration(hours(24 * 30)), Duration(-hours(24 * 30)), Duration(minutes(2))}) {
    ClockGuard guard;
    EXPECT_TRUE(guard.Trust(clock_.Now(), clock_.Steady()));
    clock_.Jump(jump);
    EXPECT_FALSE(guard.Trust(clock_.Now(), clock_.Steady()));
    clock_.Advance(minutes(9));
    EXPECT_FALSE(guard.Trust(clock_.Now(), clock_.Steady()));
    clock_.Advance(minutes(1));
    EXPECT_TRUE(guard.Trust(clock_.Now(), clock_.Steady()));
    EXPECT_EQ(guard.jumps(), 1u);
  }
}

TEST_F(ClockGuardTest, AJumpBackCountsAgain) {
  EXPECT_TRUE(Look());
  clock_.Jump(hours(24));
  EXPECT_FALSE(Look());
  clock_.Advance(minutes(9));
  clock_.Jump(-hours(24));
  EXPECT_FALSE(Look());
  clock_.Advance(minutes(9));
  EXPECT_FALSE(Look()) << "steady only since it came back";
  EXPECT_EQ(guard_.jumps(), 2u);
}

}  // namespace
}  // namespace sekisho::approval
