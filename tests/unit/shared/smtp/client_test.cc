#include "shared/smtp/client.h"

#include <gtest/gtest.h>

#include <future>

#include "shared/smtp/server.h"

namespace sekisho::smtp {
namespace {

// Takes mail, and keeps it for the test.
class Keeper final : public Receiver {
 public:
  explicit Keeper(std::vector<std::string>& kept) : kept_(kept) {}
  void OnMail(const Peer&, const MailFrom& mail, Answer answer) override {
    content_.clear();
    if (mail.path.mailbox.local_part == "refused") return answer(Reply(550, "5.7.1", "no"));
    answer(Reply(250, "2.1.0", "ok"));
  }
  void OnRcpt(const RcptTo& rcpt, Answer answer) override {
    if (rcpt.path.mailbox.local_part == "nobody") return answer(Reply(550, "5.1.1", "no"));
    answer(Reply(250, "2.1.5", "ok"));
  }
  void OnBegin(Answer answer) override { answer(Reply(354, "", "")); }
  void OnContent(std::string_view octets, Taken taken) override {
    content_ += octets;
    taken(Ok());
  }
  void OnEnd(Answer answer) override {
    kept_.push_back(content_);
    answer(Reply(250, "2.0.0", "kept"));
  }
  void OnAbort() override {}

 private:
  std::vector<std::string>& kept_;
  std::string content_;
};

class ClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ServerOptions options;
    options.address = "127.0.0.1:0";
    options.hostname = "peer.test";
    server_ = *Server::Start(
        options,
        [this](const Peer&) -> Result<std::unique_ptr<Receiver>> {
          return std::unique_ptr<Receiver>(new Keeper(kept_));
        },
        pool_, clock_);
    ClientOptions client;
    client.hello = "gw.test";
    std::promise<Client::Opened> opened;
    Client::Open(pool_, "127.0.0.1", server_->port(), client,
                 [&](Client::Opened result) { opened.set_value(std::move(result)); });
    Client::Opened result = opened.get_future().get();
    ASSERT_NE(result.client, nullptr);
    client_ = std::move(result.client);
  }
  void TearDown() override {
    client_.reset();
    server_->Stop(std::chrono::seconds(5));
  }
  Sent Send(const std::string& content, std::vector<std::string> recipients = {"b@example.net"},
            const std::string& from = "a@example.jp") {
    Transaction mail;
    mail.mail_from = from;
    for (const std::string& recipient : recipients) mail.recipients.push_back({recipient, "", ""});
    mail.content = {"Received: test\r\n", content};
    std::promise<Sent> sent;
    client_->Send(mail, [&](Sent result) { sent.set_value(std::move(result)); });
    return sent.get_future().get();
  }

  net::IoPool pool_{2};
  SystemClock clock_;
  std::vector<std::string> kept_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<Client> client_;
};

TEST_F(ClientTest, SendsManyMailsOverOneConnection) {
  for (const std::string body : {"\r\nplain\r\n", "\r\n.dot\r\n..two\r\n.\r\nend\r\n", "\r\nno line end"}) {
    const Sent sent = Send(body);
    EXPECT_EQ(sent.stage, Stage::kDone);
    EXPECT_EQ(sent.final->code, 250);
    EXPECT_TRUE(sent.reusable);
    EXPECT_EQ(kept_.back(), "Received: test\r\n" + body + (body.ends_with("\r\n") ? "" : "\r\n"));
  }
  EXPECT_EQ(server_->counts().connections, 1u);
  const std::string large = "\r\n" + [] {
    std::string text;
    for (int i = 0; i < 100'000; ++i) text += "line of text\r\n";
    return text;
  }();
  EXPECT_EQ(Send(large).stage, Stage::kDone);
  EXPECT_EQ(kept_.back(), "Received: test\r\n" + large);
}

TEST_F(ClientTest, TellsEachRecipientsReply) {
  const Sent some = Send("\r\nx\r\n", {"nobody@example.net", "b@example.net"});
  EXPECT_EQ(some.stage, Stage::kDone);
  EXPECT_EQ(some.recipients[0]->code, 550);
  EXPECT_EQ(some.recipients[1]->code, 250);
  const Sent none = Send("\r\nx\r\n", {"nobody@example.net"});
  EXPECT_EQ(none.stage, Stage::kRcpt);
  EXPECT_EQ(none.recipients[0]->code, 550);
  EXPECT_TRUE(none.reusable);
  const Sent refused = Send("\r\nx\r\n", {"b@example.net"}, "refused@example.jp");
  EXPECT_EQ(refused.mail->code, 550);
  EXPECT_TRUE(refused.reusable);
  EXPECT_EQ(Send("\r\nx\r\n").stage, Stage::kDone) << "the connection still serves";
  EXPECT_EQ(kept_.size(), 2u);
}

TEST_F(ClientTest, NeverEmitsWhatCouldEndAMailTwice) {
  for (const char* body : {"\r\na\nb\r\n", "\r\na\rb\r\n", "\r\na\n.\r\nb\r\n"}) {
    const Sent sent = Send(body);
    ASSERT_TRUE(sent.error);
    EXPECT_EQ(sent.error->code, Code::kMalformed);
  }
  EXPECT_FALSE(Send("\r\nx\r\n", {"b@example.net>\r\nRCPT TO:<c@example.net"}).final.has_value());
  EXPECT_TRUE(kept_.empty());
  EXPECT_EQ(Send("\r\nx\r\n").stage, Stage::kDone);
}

TEST_F(ClientTest, APeerThatGoesAwayIsNoticed) {
  server_->Stop(std::chrono::seconds(0));
  const Sent sent = Send("\r\nx\r\n");
  ASSERT_TRUE(sent.error);
  EXPECT_TRUE(sent.unanswered);
  EXPECT_FALSE(sent.reusable);
}

}  // namespace
}  // namespace sekisho::smtp
