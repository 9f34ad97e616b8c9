#include "services/delivery/domain/retry_schedule.h"

#include <gtest/gtest.h>

namespace sekisho::delivery {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr TimePoint kStart{hours(24 * 365 * 50)};
constexpr double kMiddle = 0.5;  // no spread

TEST(RetryScheduleTest, DoublesFromAMinuteToFourHours) {
  const RetrySchedule schedule;
  const int64_t expected[] = {60, 120, 240, 480, 960, 1920, 3840, 7680, 14400, 14400, 14400};
  for (int i = 0; i < 11; ++i) {
    EXPECT_EQ(*schedule.Next(kStart, i + 1, kStart + hours(1), kMiddle), kStart + hours(1) + seconds(expected[i])) << i;
  }
}

TEST(RetryScheduleTest, SpreadsByAFifthButNeverBeyondTheLongest) {
  const RetrySchedule schedule;
  EXPECT_EQ(*schedule.Next(kStart, 1, kStart, 0.0), kStart + seconds(48));
  EXPECT_GT(*schedule.Next(kStart, 1, kStart, 0.999), kStart + seconds(71));
  EXPECT_LT(*schedule.Next(kStart, 1, kStart, 0.999), kStart + seconds(72));
  EXPECT_EQ(*schedule.Next(kStart, 30, kStart, 0.999), kStart + hours(4));
}

TEST(RetryScheduleTest, GivesUpAfterFiveDays) {
  const RetrySchedule schedule;
  const TimePoint end = kStart + hours(5 * 24);
  EXPECT_EQ(schedule.Next(kStart, 40, end, kMiddle), std::nullopt);
  EXPECT_EQ(schedule.Next(kStart, 40, end + hours(1), kMiddle), std::nullopt);
}

TEST(RetryScheduleTest, MakesALastAttemptWhenTheTimeHasCome) {
  const RetrySchedule schedule;
  const TimePoint end = kStart + hours(5 * 24);
  EXPECT_EQ(*schedule.Next(kStart, 40, end - hours(1), kMiddle), end);
}

TEST(RetryScheduleTest, FollowsItsParameters) {
  const RetrySchedule schedule{
      .first = seconds(1), .max = seconds(3), .give_up_after = seconds(10), .delay_notice_after = seconds(5)};
  EXPECT_EQ(*schedule.Next(kStart, 1, kStart, kMiddle), kStart + seconds(1));
  EXPECT_EQ(*schedule.Next(kStart, 9, kStart, kMiddle), kStart + seconds(3));
  EXPECT_FALSE(schedule.IsLate(kStart, kStart + seconds(5) - Duration(1)));
  EXPECT_TRUE(schedule.IsLate(kStart, kStart + seconds(5)));
}

}  // namespace
}  // namespace sekisho::delivery
