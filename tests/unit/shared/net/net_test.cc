#include <gtest/gtest.h>

#include <future>

#include "shared/net/address_key.h"
#include "shared/net/io_pool.h"
#include "shared/net/listener.h"

namespace sekisho::net {
namespace {

TEST(EndpointTest, AddressAndPort) {
  const auto v4 = ParseEndpoint("127.0.0.1:5587");
  ASSERT_TRUE(v4.ok());
  EXPECT_EQ(v4->address, "127.0.0.1");
  EXPECT_EQ(v4->port, 5587);
  EXPECT_TRUE(v4->loopback);
  EXPECT_TRUE(ParseEndpoint("[::1]:25")->loopback);
  EXPECT_EQ(ParseEndpoint("[2001:db8::1]:25")->address, "2001:db8::1");
  EXPECT_FALSE(ParseEndpoint("0.0.0.0:25")->loopback);
  EXPECT_EQ(ParseEndpoint("localhost:0")->address, "127.0.0.1");
  for (const char* bad : {"", ":", "25", "127.0.0.1", "127.0.0.1:", "127.0.0.1:-1", "127.0.0.1:65536", "127.0.0.1:25 ",
                          "::1:25", "[127.0.0.1]:25", "[::1:25", "[]:25", "mx.example:25"}) {
    EXPECT_FALSE(ParseEndpoint(bad).ok()) << bad;
  }
}

TEST(IoPoolTest, TasksRunOnTheirLoop) {
  IoPool pool(2);
  for (size_t i = 0; i < pool.size(); ++i) {
    std::promise<bool> here;
    pool.at(i).Post([&] { here.set_value(pool.at(i).IsCurrent() && !pool.at(1 - i).IsCurrent()); });
    EXPECT_TRUE(here.get_future().get());
    EXPECT_FALSE(pool.at(i).IsCurrent());
  }
}

TEST(IoPoolTest, LaterTasksComeInTheOrderOfTheirTimes) {
  IoPool pool(1);
  std::string order;
  std::promise<void> done;
  pool.at(0).PostAfter(std::chrono::milliseconds(20), [&] {
    order += "c";
    done.set_value();
  });
  pool.at(0).PostAfter(std::chrono::milliseconds(1), [&] { order += "b"; });
  pool.at(0).Post([&] { order += "a"; });
  done.get_future().wait();
  EXPECT_EQ(order, "abc");
}

TEST(IoPoolTest, WhatHasNotRunIsDropped) {
  auto held = std::make_shared<int>(1);
  {
    IoPool pool(1);
    pool.at(0).PostAfter(std::chrono::hours(1), [held] {});
    pool.Stop();
    pool.at(0).Post([held] { FAIL(); });
  }
  EXPECT_EQ(held.use_count(), 1);
}

// Keeps the streams, and reads nothing.
TEST(ListenerTest, ThePortIsFreeOnceItIsClosed) {
  IoPool pool(2);
  auto listener = Listener::Open(pool, "127.0.0.1:0", [](Stream) {});
  ASSERT_TRUE(listener.ok());
  const std::string address = (*listener)->address();
  EXPECT_EQ(Listener::Open(pool, address, [](Stream) {}).error().code, Code::kUnavailable);
  (*listener)->Close();
  EXPECT_TRUE(Listener::Open(pool, address, [](Stream) {}).ok());
}

// Connects, says a word, and is answered by the peer's end.
class Caller final : public Stream::Owner, public std::enable_shared_from_this<Caller> {
 public:
  explicit Caller(Loop& loop) : stream_(loop) {}
  void Call(uint16_t port) {
    stream_.SetOwner(weak_from_this());
    stream_.Connect("127.0.0.1", port);
  }
  void OnOpen(Status status) override {
    if (!status.ok()) return done.set_value(status.error().ToString());
    const std::string_view pieces[] = {"he", "", "llo"};
    stream_.Write(pieces);
  }
  void OnSecure(Status) override {}
  void OnWritten(Status) override { stream_.Read(octets_, sizeof octets_); }
  void OnRead(Result<size_t> octets) override {
    done.set_value(octets.ok() ? std::to_string(*octets) : octets.error().ToString());
  }
  void OnDeadline() override {}
  std::promise<std::string> done;

 private:
  Stream stream_;
  char octets_[16];
};

class Answerer final : public Stream::Owner, public std::enable_shared_from_this<Answerer> {
 public:
  explicit Answerer(Stream stream) : stream_(std::move(stream)) {}
  void Begin() {
    stream_.SetOwner(weak_from_this());
    stream_.Read(octets_, sizeof octets_);
  }
  void OnOpen(Status) override {}
  void OnSecure(Status) override {}
  void OnWritten(Status) override {}
  void OnRead(Result<size_t> octets) override { heard.set_value(std::string(octets_, *octets)); }
  void OnDeadline() override {}
  std::promise<std::string> heard;

 private:
  Stream stream_;
  char octets_[16];
};

TEST(StreamTest, GathersItsPiecesAndKeepsItsOwnerMeanwhile) {
  IoPool pool(1);
  std::promise<std::shared_ptr<Answerer>> accepted;
  auto listener = Listener::Open(pool, "127.0.0.1:0", [&](Stream stream) {
    auto answerer = std::make_shared<Answerer>(std::move(stream));
    answerer->Begin();
    accepted.set_value(answerer);
  });
  ASSERT_TRUE(listener.ok());
  auto caller = std::make_shared<Caller>(pool.at(0));
  std::future<std::string> called = caller->done.get_future();
  pool.at(0).Post([caller, port = (*listener)->port()] { caller->Call(port); });
  std::shared_ptr<Answerer> answerer = accepted.get_future().get();
  EXPECT_EQ(answerer->heard.get_future().get(), "hello");
  std::weak_ptr<Caller> watched = caller;
  caller.reset();
  EXPECT_FALSE(watched.expired()) << "its read is under way";
  pool.at(0).Post([last = std::move(answerer)] {});  // closes
  EXPECT_EQ(called.get(), "0");
}

TEST(StreamTest, NobodyThere) {
  IoPool pool(1);
  uint16_t port = 0;
  {
    auto listener = Listener::Open(pool, "127.0.0.1:0", [](Stream) {});
    port = (*listener)->port();
  }
  auto caller = std::make_shared<Caller>(pool.at(0));
  pool.at(0).Post([caller, port] { caller->Call(port); });
  EXPECT_TRUE(caller->done.get_future().get().starts_with("unavailable: cannot connect"));
}

TEST(AddressKeyTest, AnIpv6ClientHasA64) {
  EXPECT_EQ(AddressKey("2001:db8:1:2:3::4"), AddressKey("2001:db8:1:2:5:6:7:8"));
  EXPECT_NE(AddressKey("2001:db8:1:2::1"), AddressKey("2001:db8:1:3::1"));
  EXPECT_EQ(AddressKey("192.0.2.1"), "192.0.2.1");
}

}  // namespace
}  // namespace sekisho::net
