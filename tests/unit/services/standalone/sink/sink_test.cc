#include "services/standalone/sink/sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <future>

#include "shared/net/listener.h"
#include "shared/smtp/client.h"
#include "shared/testing/temporary_folder.h"

namespace sekisho::standalone {
namespace {

using ::testing::SizeIs;

class SinkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    config::v1::Sink config;
    config.set_folder(folder_.path());
    config.set_inside_address("127.0.0.1:0");
    config.set_outside_address("127.0.0.1:0");
    auto sink = Sink::Start(config, io_, clock_);
    ASSERT_TRUE(sink.ok()) << sink.error().ToString();
    sink_ = *std::move(sink);
  }
  smtp::Sent Send(const std::string& to, const std::vector<std::string>& recipients,
                  Duration patience = std::chrono::seconds(20)) {
    smtp::ClientOptions options;
    options.hello = "gw.example.jp";
    options.tls = smtp::ClientOptions::Tls::kNone;
    options.timeouts.data_end = patience;
    std::promise<std::unique_ptr<smtp::Client>> opened;
    smtp::Client::Open(io_, "127.0.0.1", net::ParseEndpoint(to)->port, options,
                       [&](smtp::Client::Opened result) { opened.set_value(std::move(result.client)); });
    const std::unique_ptr<smtp::Client> client = opened.get_future().get();
    smtp::Transaction mail;
    mail.mail_from = "hanako@example.jp";
    for (const std::string& recipient : recipients) mail.recipients.push_back({recipient, "", ""});
    mail.content = {"Subject: x\r\n\r\nbody\r\n"};
    std::promise<smtp::Sent> sent;
    client->Send(mail, [&](smtp::Sent result) { sent.set_value(std::move(result)); });
    return sent.get_future().get();
  }
  std::vector<std::string> Mails(const std::string& box) {
    std::vector<std::string> mails;
    const std::filesystem::path folder = folder_ / (box + "/new");
    if (!std::filesystem::exists(folder)) return mails;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      std::ifstream in(entry.path(), std::ios::binary);
      mails.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
    }
    return mails;
  }

  testing::TemporaryFolder folder_;
  SystemClock clock_;
  net::IoPool io_{2};
  std::unique_ptr<Sink> sink_;
};

TEST_F(SinkTest, KeepsAMailForEachRecipientOnItsSide) {
  EXPECT_EQ(Send(sink_->outside_address(), {"Suzuki@shop.example", "b@shop.example"}).stage, smtp::Stage::kDone);
  EXPECT_EQ(Send(sink_->inside_address(), {"taro@example.jp"}).stage, smtp::Stage::kDone);
  ASSERT_THAT(Mails("outside/suzuki@shop.example"), SizeIs(1));
  EXPECT_EQ(Mails("outside/suzuki@shop.example")[0],
            "Return-Path: <hanako@example.jp>\r\nDelivered-To: Suzuki@shop.example\r\nSubject: x\r\n\r\nbody\r\n");
  EXPECT_THAT(Mails("outside/b@shop.example"), SizeIs(1));
  EXPECT_THAT(Mails("inside/taro@example.jp"), SizeIs(1));
}

TEST_F(SinkTest, AddressesMisbehaveAsTheirNamesSay) {
  const smtp::Sent sent =
      Send(sink_->outside_address(), {"reject@x.example", "defer-1@x.example", "rejected@x.example"});
  EXPECT_EQ(sent.recipients[0]->code, 550);
  EXPECT_EQ(sent.recipients[1]->code, 451);
  EXPECT_EQ(sent.recipients[2]->code, 250) << "another name";
  EXPECT_EQ(Send(sink_->outside_address(), {"refuse@x.example"}).final->code, 554);
  EXPECT_THAT(Mails("outside/refuse@x.example"), SizeIs(0));
  const smtp::Sent slow = Send(sink_->outside_address(), {"slow@x.example"}, std::chrono::milliseconds(100));
  EXPECT_EQ(slow.stage, smtp::Stage::kAfterDot);
  EXPECT_EQ(slow.error->code, Code::kTimeout);
}

TEST_F(SinkTest, ARecipientNeverLeavesTheFolder) {
  EXPECT_EQ(Send(sink_->outside_address(), {"\"../../x\"@x.example", "\"/tmp/x\"@x.example"}).stage,
            smtp::Stage::kDone);
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
    EXPECT_THAT(entry.path().filename().string(), ::testing::AnyOf("outside", "inside"));
  }
}

}  // namespace
}  // namespace sekisho::standalone
