#include "services/intake/domain/watch_position.h"

#include <gtest/gtest.h>

namespace sekisho::intake {
namespace {

// An id of that time, whatever the process generated before: ids never go back.
EventId At(int64_t second) {
  static unsigned char next = 0;
  std::string octets(16, '\0');
  const int64_t millis = second * 1000;
  for (int i = 0; i < 6; ++i) octets[static_cast<size_t>(i)] = static_cast<char>(millis >> (40 - 8 * i));
  octets[15] = static_cast<char>(++next);
  return *EventId::FromOctets(octets);
}

TEST(WatchPositionTest, TakesEachEventOnceAcrossAResume) {
  const EventId early = At(1'000), late = At(1'001), between = At(1'000);
  WatchPosition position;
  EXPECT_TRUE(position.Take(late.ToString()));
  EXPECT_TRUE(position.Take(early.ToString())) << "events arrive in no strict order";
  auto resumed = WatchPosition::Parse(position.ToToken());
  ASSERT_TRUE(resumed.ok());
  EXPECT_FALSE(resumed->Take(late.ToString()));
  EXPECT_FALSE(resumed->Take(early.ToString()));
  EXPECT_TRUE(resumed->Take(between.ToString())) << "one that came in late is not lost";
}

TEST(WatchPositionTest, ForgetsWhatIsLongPast) {
  WatchPosition position;
  const EventId old = At(2'000);
  EXPECT_TRUE(position.Take(old.ToString()));
  EXPECT_TRUE(position.Take(At(3'000).ToString()));
  EXPECT_FALSE(position.Take(old.ToString()));
  EXPECT_EQ(position.ToToken().size(), 22u) << "one id";
}

TEST(WatchPositionTest, RefusesOtherTokens) {
  EXPECT_TRUE(WatchPosition::Parse("").ok());
  EXPECT_FALSE(WatchPosition::Parse("abc").ok());
  EXPECT_FALSE(WatchPosition::Parse("not base64!").ok());
}

}  // namespace
}  // namespace sekisho::intake
