#include "shared/smtp/failure_rate.h"

#include <gtest/gtest.h>

namespace sekisho::smtp {
namespace {

using std::chrono::seconds;

TEST(FailureRateTest, AllowsSoManyAMinute) {
  FailureRate rate(10);
  FailureRate::Time now{};
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(rate.Exceeded("a", now));
    rate.Count("a", now);
  }
  EXPECT_TRUE(rate.Exceeded("a", now));
  EXPECT_FALSE(rate.Exceeded("b", now)) << "each key for itself";
  now += seconds(6);
  EXPECT_FALSE(rate.Exceeded("a", now)) << "one more after a tenth of a minute";
  rate.Count("a", now);
  EXPECT_TRUE(rate.Exceeded("a", now));
  now += seconds(60);
  EXPECT_FALSE(rate.Exceeded("a", now));
}

TEST(FailureRateTest, ManyKeysDoNotPushOutTheWorst) {
  FailureRate rate(2);
  FailureRate::Time now{};
  rate.Count("worst", now);
  rate.Count("worst", now);
  for (size_t i = 0; i < FailureRate::kMostKeys + 10; ++i) rate.Count(std::to_string(i), now);
  EXPECT_TRUE(rate.Exceeded("worst", now));
}

}  // namespace
}  // namespace sekisho::smtp
