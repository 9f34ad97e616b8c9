#include "shared/bus/progress.h"

#include <gtest/gtest.h>

#include <vector>

namespace sekisho::bus {
namespace {

TimePoint At(int64_t micros) { return FromMicros(micros); }

void ArriveAndGive(Progress& progress, int64_t first, int64_t last) {
  for (int64_t offset = first; offset <= last; ++offset) {
    EXPECT_TRUE(progress.Arrived(offset));
    progress.Give(offset, At(offset));
  }
}

TEST(ProgressTest, CommitsTheLowestUnfinished) {
  Progress progress(10);
  EXPECT_EQ(progress.Lowest(), 10);
  ArriveAndGive(progress, 10, 14);
  progress.Finish(std::vector<int64_t>{12, 10});
  EXPECT_EQ(progress.Lowest(), 11);
  EXPECT_EQ(progress.OldestInWork(), At(11));
  progress.Finish(std::vector<int64_t>{11});
  EXPECT_EQ(progress.Lowest(), 13);
  progress.Finish(std::vector<int64_t>{13, 14});
  EXPECT_EQ(progress.Lowest(), 15);
  EXPECT_EQ(progress.OldestInWork(), std::nullopt);
}

TEST(ProgressTest, KnowsNothingBeforeTheFirstRecordWhenNoStartIsKnown) {
  Progress progress;
  EXPECT_EQ(progress.Lowest(), std::nullopt);
  EXPECT_EQ(progress.Depth(100), 0u);
  EXPECT_TRUE(progress.Arrived(40));
  EXPECT_EQ(progress.Lowest(), 40);
}

TEST(ProgressTest, WhatWasNotGivenCannotBeFinished) {
  // Work of an earlier assignment that ends late: if it counted, the records before it would never be given again.
  Progress progress(0);
  progress.Finish(std::vector<int64_t>{7});
  EXPECT_EQ(progress.Lowest(), 0);
  for (int64_t offset = 0; offset < 8; ++offset) EXPECT_TRUE(progress.Arrived(offset));
  progress.Give(0, At(0));
  progress.Finish(std::vector<int64_t>{0, 7});
  EXPECT_EQ(progress.Lowest(), 1);
}

TEST(ProgressTest, FinishingTwiceChangesNothing) {
  Progress progress(0);
  ArriveAndGive(progress, 0, 3);
  progress.Finish(std::vector<int64_t>{0, 1});
  progress.Finish(std::vector<int64_t>{0, 1});
  EXPECT_EQ(progress.Lowest(), 2);
}

TEST(ProgressTest, DropsWhatArrivesASecondTime) {
  Progress progress(5);
  EXPECT_TRUE(progress.Arrived(5));
  EXPECT_FALSE(progress.Arrived(5));
  EXPECT_TRUE(progress.Arrived(6));
}

TEST(ProgressTest, StepsOverOffsetsThatTheBrokerDoesNotHave) {
  Progress progress(5);
  ArriveAndGive(progress, 9, 9);
  EXPECT_EQ(progress.Lowest(), 5);
  progress.Finish(std::vector<int64_t>{9});
  EXPECT_EQ(progress.Lowest(), 10);
}

TEST(ProgressTest, ATopicThatWasMadeAnewStartsFromItsFirstRecord) {
  Progress progress(1000);
  ArriveAndGive(progress, 0, 1);
  EXPECT_EQ(progress.Lowest(), 0);
  progress.Finish(std::vector<int64_t>{0, 1});
  EXPECT_EQ(progress.Lowest(), 2);
}

TEST(ProgressTest, DepthCountsWhatIsNotFinishedUpToTheEndOfThePartition) {
  Progress progress(10);
  EXPECT_EQ(progress.Depth(30), 20u);
  ArriveAndGive(progress, 10, 14);
  progress.Finish(std::vector<int64_t>{11, 13});
  EXPECT_EQ(progress.Spread(), 5);
  EXPECT_EQ(progress.Depth(30), 18u);
  EXPECT_EQ(progress.Depth(0), 3u) << "an end that was heard of before the last record came";
  progress.Finish(std::vector<int64_t>{10, 12, 14});
  EXPECT_EQ(progress.Depth(15), 0u);
}

}  // namespace
}  // namespace sekisho::bus
