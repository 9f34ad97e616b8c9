#include "shared/base/periodic.h"

#include <gtest/gtest.h>

#include <atomic>
#include <semaphore>

namespace sekisho {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(PeriodicTest, CallsAgainAndAgain) {
  std::counting_semaphore<> called(0);
  Periodic periodic;
  periodic.Start("test", milliseconds(1), [&] {
    called.release();
    return Periodic::Next::kLater;
  });
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(called.try_acquire_for(seconds(20)));
}

TEST(PeriodicTest, DoesNotPauseWhileThereIsMore) {
  constexpr int kCalls = 1000;
  std::atomic<int> calls = 0;
  std::binary_semaphore done(0);
  Periodic periodic;
  periodic.Start("test", milliseconds(100), [&] {
    if (++calls < kCalls) return Periodic::Next::kAtOnce;
    if (calls == kCalls) done.release();
    return Periodic::Next::kLater;
  });
  EXPECT_TRUE(done.try_acquire_for(milliseconds(100) * kCalls / 2)) << "it paused between calls";
}

TEST(PeriodicTest, IsStoppedInTheMiddleOfItsPause) {
  bool called = false;
  Periodic periodic;
  periodic.Start("test", hours(24), [&] {
    called = true;
    return Periodic::Next::kLater;
  });
  periodic.Stop();
  periodic.Stop();
  EXPECT_FALSE(called);
}

TEST(PeriodicTest, IsStoppedThoughThereIsAlwaysMore) {
  std::counting_semaphore<> called(0);
  Periodic periodic;
  periodic.Start("test", milliseconds(1), [&] {
    called.release();
    return Periodic::Next::kAtOnce;
  });
  called.acquire();
  periodic.Stop();  // else it hangs here
}

TEST(PeriodicTest, CanBeStoppedBeforeItStarts) {
  Periodic periodic;
  periodic.Stop();
}

}  // namespace
}  // namespace sekisho
