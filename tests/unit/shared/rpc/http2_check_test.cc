#include "shared/rpc/http2_check.h"

#include <gtest/gtest.h>

namespace sekisho::rpc {
namespace {

constexpr char kPreface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
enum Type : char {
  kData = 0,
  kHeaders = 1,
  kReset = 3,
  kSettings = 4,
  kPing = 6,
  kWindowUpdate = 8,
  kContinuation = 9
};

std::string Frame(char type, const std::string& payload = "", char flags = 0) {
  const size_t size = payload.size();
  return std::string{static_cast<char>(size >> 16),
                     static_cast<char>(size >> 8),
                     static_cast<char>(size),
                     type,
                     flags,
                     0,
                     0,
                     0,
                     1} +
         payload;
}

class Http2CheckTest : public ::testing::Test {
 protected:
  Http2CheckTest() { Begin(); }
  void Begin() {
    check_ = Http2Check();
    EXPECT_TRUE(check_.Check(kPreface, now_).ok());
  }
  // How many of these are let through, at once; then it must be a flood.
  int Passed(const std::string& frames, int most = 5000) {
    for (int passed = 0; passed < most; ++passed) {
      const Status checked = check_.Check(frames, now_);
      if (checked.ok()) continue;
      EXPECT_EQ(checked.error().code, Code::kLimit);
      return passed;
    }
    return most;
  }
  Http2Check check_;
  Http2Check::Time now_ = Http2Check::Time() + std::chrono::hours(1);
};

TEST_F(Http2CheckTest, CallsAreNotCounted) {
  EXPECT_EQ(Passed(Frame(kHeaders, "path", 4) + Frame(kData, std::string(20'000, 'x')) + Frame(kWindowUpdate, "size") +
                   Frame(kData, "", 1)),
            5000);
}

TEST_F(Http2CheckTest, RapidResetsAreAFlood) {
  EXPECT_EQ(Passed(Frame(kHeaders, "path", 5) + Frame(kReset, "code")), 200);
}

TEST_F(Http2CheckTest, ACancelledCallNowAndThenIsNot) {
  for (int second = 0; second < 1000; ++second, now_ += std::chrono::seconds(1)) {
    ASSERT_EQ(Passed(Frame(kReset, "code"), 30), 30) << second;
  }
}

TEST_F(Http2CheckTest, FramesThatCarryNothingAreAFlood) {
  for (const std::string& frame :
       {Frame(kPing, "12345678"), Frame(kSettings), Frame(kContinuation, std::string(9, 'x')), Frame(kData),
        Frame(2, "prior"), Frame('\x7f')}) {
    Begin();
    EXPECT_EQ(Passed(frame), 1000) << static_cast<int>(frame[3]);
  }
}

TEST_F(Http2CheckTest, AHeaderHasAnEnd) {
  const std::string more = Frame(kContinuation, std::string(16'000, 'x'));
  for (int call = 0; call < 3; ++call) {
    ASSERT_TRUE(check_.Check(Frame(kHeaders, std::string(16'000, 'x')) + more + more + more, now_).ok());
  }
  EXPECT_EQ(Passed(more), 0);
  Begin();
  EXPECT_EQ(Passed(Frame(kHeaders, std::string((64 << 10) + 1, 'x'))), 0);
}

TEST_F(Http2CheckTest, HoweverTheOctetsCome) {
  Http2Check check;
  std::string all = kPreface;
  for (int i = 0; i < 201; ++i) all += Frame(kData, std::string(static_cast<size_t>(i), '\3')) + Frame(kReset, "code");
  size_t at = 0;
  while (at < all.size() && check.Check(all.substr(at, 1), now_).ok()) ++at;
  EXPECT_EQ(at, all.size() - 5) << "at the end of the last reset's header, its code unread";
}

TEST(Http2PrefaceTest, OtherProtocolsAreRefused) {
  for (const char* start : {"GET / HTTP/1.1\r\n", "PRI * HTTP/2.0\r\n\r\nXX", "\x16\x03\x01", "EHLO x\r\n"}) {
    Http2Check check;
    EXPECT_EQ(check.Check(start, {}).error().code, Code::kMalformed) << start;
  }
  Http2Check check;
  EXPECT_TRUE(check.Check("PRI * HT", {}).ok());
  EXPECT_EQ(check.Check("XX", {}).error().code, Code::kMalformed);
}

}  // namespace
}  // namespace sekisho::rpc
