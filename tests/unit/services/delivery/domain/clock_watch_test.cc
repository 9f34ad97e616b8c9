#include "services/delivery/domain/clock_watch.h"

#include <gtest/gtest.h>

namespace sekisho::delivery {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

TEST(ClockWatchTest, TellsJumpsFromTheFlowOfTime) {
  const TimePoint wall{hours(500'000)};
  const std::chrono::steady_clock::time_point steady{hours(1)};
  ClockWatch watch;
  EXPECT_EQ(watch.Look(wall, steady), std::nullopt) << "the first look knows nothing";
  EXPECT_EQ(watch.Look(wall + hours(3), steady + hours(3)), std::nullopt) << "a long sleep is no jump";
  EXPECT_EQ(watch.Look(wall + hours(3) + seconds(61), steady + hours(3)), seconds(61));
  EXPECT_EQ(watch.Look(wall + hours(3) + seconds(61), steady + hours(3)), std::nullopt) << "it is told once";
  EXPECT_EQ(watch.Look(wall + hours(3) + seconds(100), steady + hours(3)), std::nullopt)
      << "small steps are the clock being kept";
  EXPECT_EQ(watch.Look(wall - hours(720), steady + hours(3)), -(hours(723) + seconds(100)));
}

}  // namespace
}  // namespace sekisho::delivery
