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

TEST_F(DeliveryRpcTest, OnlyAnOperatorMay) {
  Serve();
  EXPECT_EQ(Suspend("customer.example", "").error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(Suspend("customer.example", "hanako").error_code(), grpc::StatusCode::PERMISSION_DENIED);
  v1::SummarizeQueueResponse response;
  EXPECT_EQ(stub_->SummarizeQueue(As("hanako").get(), {}, &response).error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(Summarize().destinations_size(), 0);
}

TEST_F(DeliveryRpcTest, ADestinationThatCannotBeIsRefused) {
  Serve();
  EXPECT_EQ(Suspend("").error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Suspend("two words").error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

}  // namespace
}  // namespace sekisho::delivery
