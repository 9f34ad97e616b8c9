#include "shared/bus/kafka/window.h"

#include <gtest/gtest.h>

#include "tests/unit/shared/bus/messages.h"

namespace sekisho::bus::kafka {
namespace {

constexpr size_t kSpread = 4096;
constexpr int64_t kMany = 10'000;  // more than a window takes

Record RecordAt(int32_t partition, int64_t offset) {
  Record record;
  record.position = {partition, offset};
  record.message = MakeMessage("");
  return record;
}

// As the member does: takes records of the partition as long as they are wanted. Returns the next offset.
int64_t Fill(Window& window, int32_t partition, int64_t offset = 0) {
  for (; offset < kMany && window.Wanted(partition, true); ++offset) window.Arrived(RecordAt(partition, offset));
  return offset;
}

TEST(KafkaWindowTest, WantsNoMoreThanItHoldsAndMoreAgainWhenThereIsRoom) {
  Window window(kSpread);
  window.Assign(0, 0);
  const int64_t taken = Fill(window, 0);
  EXPECT_LT(taken, kMany);
  EXPECT_FALSE(window.Wanted(0, false));
  EXPECT_EQ(window.Fetch(static_cast<size_t>(taken), Duration(0))->size(), static_cast<size_t>(taken));
  EXPECT_TRUE(window.Wanted(0, false));
}

TEST(KafkaWindowTest, WantsNoMoreBeyondARecordThatTakesLong) {
  Window window(64);
  window.Assign(0, 0);
  EXPECT_EQ(Fill(window, 0), 64);
  const auto records = *window.Fetch(64, Duration(0));
  std::vector<Position> all_but_the_first;
  for (const Record& record : records) {
    if (record.position.offset > 0) all_but_the_first.push_back(record.position);
  }
  window.Finished(all_but_the_first);
  EXPECT_FALSE(window.Wanted(0, false));
  window.Finished(std::vector<Position>{{0, 0}});
  EXPECT_TRUE(window.Wanted(0, false));
}

TEST(KafkaWindowTest, APartitionWhoseStartIsNotKnownGivesItsFirstRecordThoughTheWindowIsFull) {
  Window window(kSpread);
  window.Assign(0, 0);
  window.Assign(1, std::nullopt);
  const int64_t taken = Fill(window, 0);
  window.NoteEnd(0, taken);
  window.NoteEnd(1, 1000);
  EXPECT_EQ(Fill(window, 1), 1);
  EXPECT_FALSE(window.Wanted(1, true));
  EXPECT_EQ(window.depth(), static_cast<uint64_t>(taken) + 1000);
}

TEST(KafkaWindowTest, NothingIsWantedOfAPartitionThatWasTakenAwayNorOnceStopped) {
  Window window(kSpread);
  window.Assign(0, std::nullopt);
  window.Assign(1, 0);
  window.Forget({0});
  EXPECT_FALSE(window.Wanted(0, true));
  window.Stop();
  EXPECT_FALSE(window.Wanted(1, true));
}

}  // namespace
}  // namespace sekisho::bus::kafka
