#include "services/delivery/adapters/delivery_rpc.h"

#include <grpcpp/create_channel.h>

#include "shared/rpc/server.h"
#include "tests/unit/services/delivery/adapters/harness.h"

namespace sekisho::delivery {
namespace {

class DeliveryRpcTest : public QueueTest {
 protected:
  void Serve() {
    Start();
    authenticator_ = std::make_unique<rpc::Authenticator>(
        *keys_, clock_, std::chrono::hours(1), [](std::string_view login) -> Result<rpc::Principal> {
          rpc::Principal principal{std::string(login), {}, "en"};
          principal.roles.insert(login == "admin" ? "operator" : "sender");
          return principal;
        });
    service_ = std::make_unique<DeliveryRpc>(*around_, *authenticator_, engine_->dispatcher());
    config::v1::Rpc config;
    config.set_address("127.0.0.1:0");
    auto server = rpc::Server::Start(config, {service_.get()});
    ASSERT_TRUE(server.ok()) << server.error().ToString();
    server_ = *std::move(server);
    stub_ = v1::DeliveryService::NewStub(server_->InProcessChannel());
  }
  ~DeliveryRpcTest() override {
    if (server_ != nullptr) server_->Stop(std::chrono::seconds(1));
  }
  std::unique_ptr<grpc::ClientContext> As(const std::string& login) {
    auto context = std::make_unique<grpc::ClientContext>();
    if (!login.empty()) context->AddMetadata("authorization", "Bearer " + authenticator_->tokens().Issue(login)->token);
    return context;
  }
  grpc::Status Suspend(const std::string& destination, const std::string& login = "admin") {
    v1::SuspendDestinationRequest request;
    request.set_destination(destination);
    v1::SuspendDestinationResponse response;
    return stub_->SuspendDestination(As(login).get(), request, &response);
  }
  grpc::Status Resume(const std::string& destination) {
    v1::ResumeDestinationRequest request;
    request.set_destination(destination);
    v1::ResumeDestinationResponse response;
    return stub_->ResumeDestination(As("admin").get(), request, &response);
  }
  v1::SummarizeQueueResponse Summarize() {
    v1::SummarizeQueueResponse response;
    EXPECT_TRUE(stub_->SummarizeQueue(As("admin").get(), {}, &response).ok());
    return response;
  }

  v1::ListQueuedResponse ListQueued(const std::string& destination, const std::string& mail = {}, uint32_t size = 0,
                                    const std::string& token = {}) {
    v1::ListQueuedRequest request;
    request.set_destination(destination);
    request.set_mail_id(mail);
    request.set_page_size(size);
    request.set_page_token(token);
    v1::ListQueuedResponse response;
    EXPECT_TRUE(stub_->ListQueued(As("admin").get(), request, &response).ok());
    return response;
  }
  static std::vector<uint64_t> Counts(const v1::DestinationShape& shape) {
    return {shape.counts().begin(), shape.counts().end()};
  }

  std::unique_ptr<rpc::Authenticator> authenticator_;
  std::unique_ptr<DeliveryRpc> service_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<v1::DeliveryService::Stub> stub_;
};

TEST_F(DeliveryRpcTest, AnOperatorStopsAndStartsADestination) {
  Serve();
  ASSERT_TRUE(Suspend("customer.example").ok());
  Send({"yamada@customer.example"});
  Await([&] { return Journalled("queued", "yamada@customer.example"); }, "it waits");
  clock_.Advance(std::chrono::minutes(5));
  const auto summary = Summarize();
  const auto found = std::find_if(summary.destinations().begin(), summary.destinations().end(),
                                  [](const auto& one) { return one.destination() == "customer.example"; });
  ASSERT_NE(found, summary.destinations().end());
  EXPECT_TRUE(found->suspended());
  EXPECT_EQ(found->queued(), 1U);
  EXPECT_EQ(found->oldest_age().seconds(), 300);
  EXPECT_TRUE(found->has_next_attempt());
  ASSERT_TRUE(Resume("customer.example").ok());
  Await([&] { return Terminal("yamada@customer.example", mail::v1::RECIPIENT_STATE_DELIVERED) == 1; }, "delivered");
}

TEST_F(DeliveryRpcTest, TheShapeCountsRecipientsByAgeAndDestination) {
  Serve();
  ASSERT_TRUE(Suspend("customer.example").ok());
  ASSERT_TRUE(Suspend("partner.example").ok());
  Send({"yamada@customer.example", "sato@customer.example"});
  Await([&] { return Journalled("queued", "sato@customer.example"); }, "it waits");
  clock_.Advance(std::chrono::minutes(5));  // no longer younger than 5
  Send({"tanaka@customer.example", "suzuki@partner.example"});
  Await([&] { return Journalled("queued", "suzuki@partner.example"); }, "it waits");
  v1::ShapeQueueResponse shape;
  ASSERT_TRUE(stub_->ShapeQueue(As("admin").get(), {}, &shape).ok());
  ASSERT_EQ(shape.ages_size(), 9);
  EXPECT_EQ(shape.ages(0).seconds(), 300);
  EXPECT_EQ(shape.ages(8).seconds(), 1280 * 60);
  ASSERT_EQ(shape.destinations_size(), 2);
  EXPECT_EQ(shape.destinations(0).destination(), "customer.example") << "the fullest first";
  EXPECT_EQ(Counts(shape.destinations(0)), (std::vector<uint64_t>{1, 2, 0, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(Counts(shape.destinations(1)), (std::vector<uint64_t>{1, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
  clock_.Advance(std::chrono::hours(24));
  ASSERT_TRUE(stub_->ShapeQueue(As("admin").get(), {}, &shape).ok());
  EXPECT_EQ(Counts(shape.destinations(0)), (std::vector<uint64_t>{0, 0, 0, 0, 0, 0, 0, 0, 0, 3}));
}

TEST_F(DeliveryRpcTest, TheListSaysWhatEachRecipientWaitsFor) {
  Serve();
  ASSERT_TRUE(Suspend("customer.example").ok());
  world_.OnSend("partner.example",
                [](const Batch& batch) { return FakeWorld::All(batch, Says(451, "4.3.0", "come back later")); });
  Send({"yamada@customer.example", "sato@customer.example", "suzuki@partner.example"});
  Await([&] { return Journalled("deferred", "suzuki@partner.example"); }, "it is deferred");
  Await([&] { return Journalled("queued", "sato@customer.example"); }, "it waits");

  const auto stopped = ListQueued("customer.example");
  ASSERT_EQ(stopped.recipients_size(), 2);
  EXPECT_EQ(stopped.recipients(0).address(), "yamada@customer.example");
  EXPECT_EQ(stopped.recipients(0).destination(), "customer.example");
  EXPECT_EQ(stopped.recipients(0).state(), v1::QueuedRecipient::QUEUED);
  EXPECT_EQ(stopped.recipients(0).reason(), "the destination is suspended");
  const auto deferred = ListQueued("partner.example");
  ASSERT_EQ(deferred.recipients_size(), 1);
  EXPECT_EQ(deferred.recipients(0).state(), v1::QueuedRecipient::DEFERRED);
  EXPECT_EQ(deferred.recipients(0).attempts(), 1u);
  EXPECT_NE(deferred.recipients(0).reason().find("451"), std::string::npos) << deferred.recipients(0).reason();
  EXPECT_GT(deferred.recipients(0).next_attempt().seconds(), deferred.recipients(0).queued_at().seconds());
  EXPECT_EQ(ListQueued("nobody.example").recipients_size(), 0);

  EXPECT_EQ(ListQueued("", deferred.recipients(0).mail_id()).recipients_size(), 3);
  EXPECT_EQ(ListQueued("", MailId::Generate(clock_.Now()).ToString()).recipients_size(), 0);
}

TEST_F(DeliveryRpcTest, TheListComesInPagesWithoutGapOrRepeat) {
  Serve();
  ASSERT_TRUE(Suspend("customer.example").ok());
  std::set<std::string> expected;
  for (int mail = 0; mail < 3; ++mail) {
    std::vector<std::string> recipients;
    for (int i = 0; i < 3; ++i) {
      recipients.push_back("r" + std::to_string(mail * 3 + i) + "@customer.example");
      expected.insert(recipients.back());
    }
    Send(recipients);
    Await([&] { return Journalled("queued", recipients.back()); }, "it waits");
  }
  for (const std::string destination : {"", "customer.example"}) {
    std::multiset<std::string> seen;
    std::string token;
    do {
      const auto page = ListQueued(destination, "", 2, token);
      EXPECT_LE(page.recipients_size(), 2);
      for (const auto& one : page.recipients()) seen.insert(one.address());
      token = page.next_page_token();
    } while (!token.empty());
    EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()), expected);
    EXPECT_EQ(seen.size(), expected.size());
  }
  v1::ListQueuedRequest wrong;
  v1::ListQueuedResponse response;
  wrong.set_page_token("not one of ours");
  EXPECT_EQ(stub_->ListQueued(As("admin").get(), wrong, &response).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  wrong.clear_page_token();
  wrong.set_mail_id("no id");
  EXPECT_EQ(stub_->ListQueued(As("admin").get(), wrong, &response).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(DeliveryRpcTest, OnlyAnOperatorMay) {
  Serve();
  EXPECT_EQ(Suspend("customer.example", "").error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(Suspend("customer.example", "hanako").error_code(), grpc::StatusCode::PERMISSION_DENIED);
  v1::SummarizeQueueResponse response;
  EXPECT_EQ(stub_->SummarizeQueue(As("hanako").get(), {}, &response).error_code(), grpc::StatusCode::PERMISSION_DENIED);
  v1::ShapeQueueResponse shape;
  EXPECT_EQ(stub_->ShapeQueue(As("hanako").get(), {}, &shape).error_code(), grpc::StatusCode::PERMISSION_DENIED);
  v1::ListQueuedResponse list;
  EXPECT_EQ(stub_->ListQueued(As("hanako").get(), {}, &list).error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(Summarize().destinations_size(), 0);
}

TEST_F(DeliveryRpcTest, ADestinationThatCannotBeIsRefused) {
  Serve();
  EXPECT_EQ(Suspend("").error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Suspend("two words").error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

}  // namespace
}  // namespace sekisho::delivery
