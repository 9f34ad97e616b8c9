#include "shared/bus/offset.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace sekisho::bus {
namespace {

void Finish(Offset& offset, std::vector<int64_t> offsets) { offset.Finish(offsets); }

TEST(OffsetTest, StaysBelowTheLowestUnfinished) {
  Offset offset;
  for (int64_t i = 1; i <= 5; ++i) offset.Give(i);
  Finish(offset, {2, 3, 5});
  EXPECT_EQ(offset.low(), 0);
  EXPECT_TRUE(offset.IsDone(3));
  EXPECT_FALSE(offset.IsDone(4));
  Finish(offset, {1});
  EXPECT_EQ(offset.low(), 3);
  Finish(offset, {4});
  EXPECT_EQ(offset.low(), 5);
  EXPECT_EQ(offset.EncodeDone(), "");
}

TEST(OffsetTest, NumbersThatNobodyWasGivenHoldNothingBack) {
  Offset offset;
  offset.Give(3);  // 1 and 2 were taken by transactions that were undone
  offset.Give(7);
  Finish(offset, {3});
  EXPECT_EQ(offset.low(), 6);
  Finish(offset, {7});
  EXPECT_EQ(offset.low(), 7);
}

TEST(OffsetTest, IsTheSameAfterItWasStored) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    Offset offset;
    std::vector<int64_t> given;
    int64_t next = 1'000'000'000'000;
    for (int i = 0; i < 100; ++i) {
      next += 1 + static_cast<int64_t>(random() % 300);
      offset.Give(next);
      given.push_back(next);
    }
    std::shuffle(given.begin(), given.end(), random);
    given.resize(random() % given.size());
    offset.Finish(given);
    const auto stored = Offset::Decode(offset.low(), offset.EncodeDone());
    ASSERT_TRUE(stored.ok());
    EXPECT_EQ(stored->low(), offset.low());
    for (int64_t i = next - 20'000; i <= next; ++i) {
      const bool finished = std::find(given.begin(), given.end(), i) != given.end();
      if (finished) {
        ASSERT_TRUE(stored->IsDone(i));
      }
      ASSERT_EQ(stored->IsDone(i), offset.IsDone(i));
    }
  }
}

TEST(OffsetTest, RefusesWhatIsCutShort) {
  EXPECT_EQ(Offset::Decode(5, "\x80").error().code, Code::kCorrupt);
  EXPECT_EQ(Offset::Decode(5, std::string(12, '\xff')).error().code, Code::kCorrupt);
}

}  // namespace
}  // namespace sekisho::bus
