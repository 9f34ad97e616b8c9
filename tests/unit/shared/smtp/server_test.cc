#include "shared/smtp/server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "shared/testing/fake_clock.h"

namespace sekisho::smtp {
namespace {

// What receivers of a test saw.
struct Seen {
  std::mutex mutex;
  std::vector<std::string> mails, logins;
  int aborted = 0;
};

class TestReceiver final : public Receiver {
 public:
  explicit TestReceiver(Seen& seen) : seen_(seen) {}
  void OnMail(const Peer&, const MailFrom&, Answer answer) override {
    content_.clear();
    answer(Reply(250, "2.1.0", "ok"));
  }
  void OnRcpt(const RcptTo& rcpt, Answer answer) override {
    if (rcpt.path.mailbox.local_part == "nobody") return answer(Reply(550, "5.1.1", "no"));
    answer(Reply(250, "2.1.5", "ok"));
  }
  void OnBegin(Answer answer) override { answer(Reply(354, "", "")); }
  void OnContent(std::string_view octets, Taken taken) override {
    content_ += octets;
    taken(content_.size() > 5000 ? Status(MakeError(Code::kExhausted, "full")) : Ok());
  }
  void OnEnd(Answer answer) override {
    // From another thread, as a database answers.
    std::thread([&seen = seen_, content = content_, answer] {
      {
        const std::scoped_lock lock(seen.mutex);
        seen.mails.push_back(content);
      }
      answer(Reply(250, "2.0.0", "kept"));
    }).detach();
  }
  void OnAbort() override {
    const std::scoped_lock lock(seen_.mutex);
    ++seen_.aborted;
  }

 private:
  Seen& seen_;
  std::string content_;
};

class ServerTest : public ::testing::Test {
 protected:
  void Start(ServerOptions options = {}) {
    options.address = "127.0.0.1:0";
    options.hostname = "gw.test";
    auto server = Server::Start(
        std::move(options),
        [this](const Peer&) -> Result<std::unique_ptr<Receiver>> {
          return std::unique_ptr<Receiver>(new TestReceiver(seen_));
        },
        pool_, clock_);
    ASSERT_TRUE(server.ok()) << server.error().detail;
    server_ = *std::move(server);
  }
  void TearDown() override {
    for (const int fd : sockets_) close(fd);
    if (server_) server_->Stop(std::chrono::seconds(5));
  }
  int Connect() {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(server_->port());
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    timeval patience{20, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
    sockets_.push_back(fd);
    return fd;
  }
  static void Send(int fd, std::string_view text) {
    EXPECT_EQ(send(fd, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }
  // One reply, all its lines; empty at the end of the connection.
  static std::string Read(int fd) {
    std::string reply;
    char c = 0;
    std::string line;
    while (recv(fd, &c, 1, 0) == 1) {
      line += c;
      if (c != '\n') continue;
      reply += line;
      if (line.size() > 3 && line[3] == ' ') return reply;
      line.clear();
    }
    return reply;
  }
  static std::string Code(int fd) { return Read(fd).substr(0, 3); }
  int Greeted() {
    const int fd = Connect();
    EXPECT_EQ(Code(fd), "220");
    Send(fd, "EHLO client.test\r\n");
    EXPECT_EQ(Code(fd), "250");
    return fd;
  }
  std::vector<std::string> Mails() {
    const std::scoped_lock lock(seen_.mutex);
    return seen_.mails;
  }

  net::IoPool pool_{2};
  SystemClock clock_;
  Seen seen_;
  std::unique_ptr<Server> server_;
  std::vector<int> sockets_;
};

TEST_F(ServerTest, TakesAPipelinedMailAndGoesOn) {
  Start();
  const int fd = Greeted();
  Send(fd, "MAIL FROM:<a@example.jp> SIZE=20\r\nRCPT TO:<b@example.net>\r\nRCPT TO:<nobody@example.net>\r\nDATA\r\n");
  EXPECT_EQ(Code(fd), "250");
  EXPECT_EQ(Code(fd), "250");
  EXPECT_EQ(Code(fd), "550");
  EXPECT_EQ(Code(fd), "354");
  Send(fd, "Subject: x\r\n\r\n..dot\r\n.\r\nMAIL FROM:<a@example.jp>\r\nQUIT\r\n");
  EXPECT_EQ(Code(fd), "250");
  EXPECT_EQ(Code(fd), "250");
  EXPECT_EQ(Code(fd), "221");
  EXPECT_EQ(Read(fd), "");
  EXPECT_EQ(Mails(), std::vector<std::string>{"Subject: x\r\n\r\n.dot\r\n"});
}

TEST_F(ServerTest, OnlyCrlfDotCrlfEndsAMail) {
  Start();
  for (const char* smuggled : {"\n.\n", "\r\n.\n", "\n.\r\n", "\r.\r", "\r\n.\r", "\r\n\0.\r\n", "\r\n.\r\r\n"}) {
    const int fd = Greeted();
    Send(fd, "MAIL FROM:<a@example.jp>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n");
    for (int i = 0; i < 2; ++i) EXPECT_EQ(Code(fd), "250");
    EXPECT_EQ(Code(fd), "354");
    const std::string_view form = std::string_view(smuggled).empty() ? ""
                                  : smuggled[2] == '\0'              ? std::string_view("\r\n\0.\r\n", 6)
                                                                     : smuggled;
    Send(fd, "first" + std::string(form) +
                 "MAIL FROM:<evil@example.jp>\r\nRCPT TO:<b@example.net>\r\nDATA\r\nsecond\r\n.\r\n");
    EXPECT_EQ(Code(fd), "550") << "one refusal, for all of it";
    Send(fd, "NOOP\r\n");
    EXPECT_EQ(Read(fd), "250 2.0.0 ok\r\n");
  }
  EXPECT_TRUE(Mails().empty());
}

TEST_F(ServerTest, ChunksAreOneMail) {
  Start();
  const int fd = Greeted();
  Send(fd, "MAIL FROM:<a@example.jp>\r\nRCPT TO:<b@example.net>\r\nBDAT 7\r\nfirst\r\nBDAT 8 LAST\r\nsecond\r\n");
  for (int i = 0; i < 4; ++i) EXPECT_EQ(Code(fd), "250") << i;
  EXPECT_EQ(Mails(), std::vector<std::string>{"first\r\nsecond\r\n"});
  Send(fd, "BDAT 5 LAST\r\nhelloNOOP\r\n");
  EXPECT_EQ(Code(fd), "503") << "no mail is under way";
  EXPECT_EQ(Code(fd), "250") << "the chunk was swallowed";
}

TEST_F(ServerTest, WhatTheOwnerCannotTakeIsRefusedAtTheEnd) {
  Start();
  const int fd = Greeted();
  Send(fd, "MAIL FROM:<a@example.jp>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n");
  for (int i = 0; i < 2; ++i) EXPECT_EQ(Code(fd), "250");
  EXPECT_EQ(Code(fd), "354");
  for (int i = 0; i < 100; ++i) Send(fd, std::string(100, 'x') + "\r\n");
  Send(fd, ".\r\n");
  EXPECT_EQ(Code(fd), "452");
  Send(fd, "NOOP\r\n");
  EXPECT_EQ(Code(fd), "250");
}

TEST_F(ServerTest, LimitsOfSizeAndLines) {
  ServerOptions options;
  options.max_size = 1000;
  Start(options);
  const int fd = Greeted();
  Send(fd, "MAIL FROM:<a@example.jp> SIZE=1001\r\n");
  EXPECT_EQ(Code(fd), "552");
  const auto mail = [&](const std::string& body) {
    Send(fd, "MAIL FROM:<a@example.jp>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n");
    for (int i = 0; i < 2; ++i) EXPECT_EQ(Code(fd), "250");
    EXPECT_EQ(Code(fd), "354");
    Send(fd, body + "\r\n.\r\n");
    return Code(fd);
  };
  EXPECT_EQ(mail(std::string(998, 'x')), "250");
  EXPECT_EQ(mail(std::string(999, 'x')), "550") << "a line too long";
  EXPECT_EQ(mail("a\r\n" + std::string(996, 'x')), "552");
  EXPECT_EQ(Mails().size(), 1u);
}

TEST_F(ServerTest, TooManyErrorsCloseTheConnection) {
  ServerOptions options;
  options.max_errors = 3;
  Start(options);
  const int fd = Greeted();
  Send(fd, "WHAT\r\nMAIL\r\nRCPT TO:<x@y>\r\nNOOP\r\n");
  EXPECT_EQ(Code(fd), "500");
  EXPECT_EQ(Code(fd), "501");
  EXPECT_EQ(Code(fd), "421");
  EXPECT_EQ(Read(fd), "");
}

TEST_F(ServerTest, TellsTheOwnerOfMailThatWillNotEnd) {
  Start();
  const int fd = Greeted();
  Send(fd, "MAIL FROM:<a@example.jp>\r\nRSET\r\nMAIL FROM:<a@example.jp>\r\nEHLO again\r\nRSET\r\n");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(Code(fd), "250");
  const std::scoped_lock lock(seen_.mutex);
  EXPECT_EQ(seen_.aborted, 2);
}

TEST_F(ServerTest, AddressesHaveOnlySoManyConnections) {
  ServerOptions options;
  options.max_connections_per_address = 2;
  Start(options);
  EXPECT_EQ(Code(Connect()), "220");
  const int second = Connect();
  EXPECT_EQ(Code(second), "220");
  EXPECT_EQ(Code(Connect()), "421");
  Send(second, "QUIT\r\n");
  EXPECT_EQ(Code(second), "221");
  EXPECT_EQ(Read(second), "");
  EXPECT_EQ(Code(Connect()), "220");
}

TEST_F(ServerTest, AnIdleClientIsTold) {
  ServerOptions options;
  options.idle_timeout = std::chrono::milliseconds(50);
  Start(options);
  const int fd = Connect();
  EXPECT_EQ(Code(fd), "220");
  EXPECT_EQ(Code(fd), "421");
  EXPECT_EQ(server_->counts().timeouts, 1u);
}

TEST_F(ServerTest, StoppingLetsAMailEndAndSaysGoodbyeToTheOthers) {
  Start();
  const int idle = Greeted();
  const int busy = Greeted();
  Send(busy, "MAIL FROM:<a@example.jp>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n");
  for (int i = 0; i < 2; ++i) EXPECT_EQ(Code(busy), "250");
  EXPECT_EQ(Code(busy), "354");
  std::thread stopper([&] { server_->Stop(std::chrono::seconds(20)); });
  EXPECT_EQ(Code(idle), "421");
  Send(busy, "last\r\n.\r\n");
  EXPECT_EQ(Code(busy), "250");
  EXPECT_EQ(Code(busy), "421");
  stopper.join();
  EXPECT_EQ(Mails(), std::vector<std::string>{"last\r\n"});
}

}  // namespace
}  // namespace sekisho::smtp
