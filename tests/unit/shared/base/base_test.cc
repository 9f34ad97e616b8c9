#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "shared/base/bytes.h"
#include "shared/base/clock.h"
#include "shared/base/failpoint.h"
#include "shared/base/ids.h"
#include "shared/base/random.h"
#include "shared/base/result.h"
#include "shared/base/secret.h"
#include "shared/base/worker_pool.h"

namespace sekisho {
namespace {

Result<int> Half(int value) {
  if (value % 2 != 0) return MakeError(Code::kInvalid, "odd");
  return value / 2;
}

Result<int> Quarter(int value) {
  SEKISHO_TRY(const int half, Half(value));
  return Half(half);
}

TEST(ResultTest, TryPassesTheErrorOn) {
  EXPECT_EQ(*Quarter(8), 2);
  EXPECT_EQ(Quarter(6).error().code, Code::kInvalid);
}

TEST(ResultTest, EveryCodeHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (int i = 0; i < kCodeCount; ++i) names.insert(CodeName(static_cast<Code>(i)));
  EXPECT_EQ(names.size(), static_cast<size_t>(kCodeCount));
}

TEST(ResultTest, OnlyWhatMayPassLaterIsRetried) {
  EXPECT_EQ(MakeError(Code::kUnavailable, "").retry, Retry::kLater);
  EXPECT_EQ(MakeError(Code::kInvalid, "").retry, Retry::kNever);
}

TEST(BytesTest, EncodingsRoundTrip) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  for (size_t size = 0; size <= all.size(); ++size) {
    const std::string octets = all.substr(0, size);
    EXPECT_EQ(*Base64Decode(Base64Encode(octets)), octets);
    EXPECT_EQ(*Base64UrlDecode(Base64UrlEncode(octets)), octets);
    EXPECT_EQ(*HexDecode(HexEncode(octets)), octets);
  }
}

TEST(BytesTest, RefusesWhatIsNotBase64) {
  for (const char* text : {"A", "A===", "AB=C", "A B=", "AB\n=", "AB==AB==", "AB=", "AB_="}) {
    EXPECT_FALSE(Base64Decode(text).ok()) << text;
  }
  EXPECT_FALSE(Base64Decode("AB==").ok()) << "unused bits are not zero";
}

TEST(BytesTest, ComparesInConstantTime) {
  EXPECT_TRUE(ConstantTimeEquals("abc", "abc"));
  EXPECT_FALSE(ConstantTimeEquals("abc", "abd"));
  EXPECT_FALSE(ConstantTimeEquals("abc", "ab"));
}

TEST(UuidTest, IsVersion7AndNeverGoesBack) {
  const TimePoint now = FromMicros(1'800'000'000'000'000);
  Uuid last = Uuid::Generate(now);
  EXPECT_EQ(last.ToString()[14], '7');
  EXPECT_EQ(last.time(), now);
  for (int i = 0; i < 10'000; ++i) {
    const Uuid next = Uuid::Generate(now - Duration(i));
    ASSERT_LT(last, next);
    last = next;
  }
  EXPECT_EQ(*Uuid::Parse(last.ToString()), last);
}

TEST(UuidTest, RefusesOtherText) {
  EXPECT_FALSE(Uuid::Parse("").ok());
  EXPECT_FALSE(Uuid::Parse("0193a5e4-6f00-7abc-8def-0123456789aZ").ok());
  EXPECT_FALSE(Uuid::Parse("0193a5e46f007abc8def0123456789ab").ok());
}

TEST(ClockTest, ParsesDurations) {
  using namespace std::chrono_literals;
  EXPECT_EQ(*ParseDuration("90s"), 90s);
  EXPECT_EQ(*ParseDuration("1h30m"), 90min);
  EXPECT_EQ(*ParseDuration("250ms"), 250ms);
  EXPECT_EQ(FormatDuration(*ParseDuration("5d2h")), "5d2h");
  for (const char* text : {"", "5", "m", "5x", "-5s", "5 s", "99999999999s"})
    EXPECT_FALSE(ParseDuration(text).ok()) << text;
}

TEST(ClockTest, FormatsTimes) {
  const TimePoint time = FromMicros(1'795'482'123'456'789);
  EXPECT_EQ(FormatRfc3339(time), "2026-11-24T01:02:03.456Z");
  EXPECT_EQ(FormatRfc5322(time), "Tue, 24 Nov 2026 01:02:03 +0000");
}

TEST(RandomTest, StaysBelowItsBound) {
  std::set<uint64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(RandomBelow(7));
  EXPECT_EQ(seen.size(), 7u);
  EXPECT_EQ(*seen.rbegin(), 6u);
}

TEST(WorkerPoolTest, RefusesWhatItCannotHold) {
  WorkerPool pool("test", 1, 2);
  std::atomic<bool> go{false};
  std::atomic<int> done{0};
  const auto task = [&] {
    go.wait(false);
    ++done;
  };
  ASSERT_TRUE(pool.Post(task));
  int taken = 0;
  while (pool.TryPost(task)) ++taken;
  EXPECT_LE(taken, 3);
  go = true;
  go.notify_all();
  pool.Stop();
  EXPECT_EQ(done, taken + 1);
  EXPECT_FALSE(pool.TryPost(task));
}

TEST(FailpointTest, ActsOnTheNamedPassOnly) {
  ASSERT_TRUE(ArmFailpoints("a=error@2;b=error").ok());
  EXPECT_FALSE(Failpoint("a"));
  EXPECT_TRUE(Failpoint("a"));
  EXPECT_FALSE(Failpoint("a"));
  EXPECT_TRUE(Failpoint("b"));
  EXPECT_FALSE(Failpoint("c"));
  ASSERT_TRUE(ArmFailpoints("").ok());
  EXPECT_FALSE(Failpoint("b"));
  EXPECT_FALSE(ArmFailpoints("a=explode").ok());
}

}  // namespace
}  // namespace sekisho
