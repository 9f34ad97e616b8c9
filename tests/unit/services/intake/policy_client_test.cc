// Intake's question to a policy service in another process, by a real server and mutual TLS.

#include "services/intake/adapters/policy_client.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <functional>
#include <thread>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "sekisho/policy/v1/policy.grpc.pb.h"
#include "shared/rpc/channel.h"
#include "shared/rpc/error.h"
#include "shared/rpc/peers.h"
#include "shared/rpc/server.h"
#include "tests/unit/shared/rpc/service_pki.h"

namespace sekisho::intake {
namespace {

using std::chrono::system_clock;

class FakePolicy final : public policy::v1::PolicyService::Service {
 public:
  grpc::Status CheckMail(grpc::ServerContext* context, const policy::v1::CheckMailRequest* request,
                         policy::v1::CheckMailResponse* response) override {
    names = rpc::CertificateNamesOfPeer(context->peer());
    asked = *request;
    return answer(*context, *response);
  }
  std::vector<std::string> names;
  policy::v1::CheckMailRequest asked;
  std::function<grpc::Status(grpc::ServerContext&, policy::v1::CheckMailResponse&)> answer =
      [](grpc::ServerContext&, policy::v1::CheckMailResponse& response) {
        response.add_parcels()->add_actions("approval");
        return grpc::Status::OK;
      };
};

// Stands for intake: any call of an integrator's becomes the question.
class FakeIntake final : public v1::IntakeService::Service {
 public:
  explicit FakeIntake(CheckMailFn ask) : ask_(std::move(ask)) {}
  grpc::Status CheckMail(grpc::ServerContext* context, const v1::CheckMailRequest* request,
                         v1::CheckMailResponse* response) override {
    policy::v1::CheckMailRequest question;
    question.set_raw(request->mail().raw());
    const auto checked = ask_(*context, question);
    if (!checked.ok()) return rpc::ToStatus(checked.error());
    *response->mutable_parcels() = checked->parcels();
    return grpc::Status::OK;
  }

 private:
  const CheckMailFn ask_;
};

class PolicyClientTest : public ::testing::Test {
 protected:
  PolicyClientTest() {
    config::v1::Rpc config;
    config.set_address("127.0.0.1:0");
    *config.mutable_tls() = pki_.Issue("policy");
    policy_server_ = *rpc::Server::Start(config, {&policy_});
    const auto channel = rpc::OpenChannel({.addresses = {"127.0.0.1:" + std::to_string(policy_server_->port())},
                                           .service = "policy",
                                           .tls = pki_.Issue("intake")});
    SEKISHO_CHECK(channel.ok());
    ask_ = AskPolicy([channel = *channel] { return channel; });
    intake_ = std::make_unique<FakeIntake>(ask_);
    config.clear_tls();
    intake_server_ = *rpc::Server::Start(config, {intake_.get()});
  }
  ~PolicyClientTest() override {
    intake_server_->Stop(Duration{});
    policy_server_->Stop(Duration{});
  }
  grpc::Status Ask(const std::string& raw = "mail", Duration limit = std::chrono::seconds(20)) {
    grpc::ClientContext context;
    context.set_deadline(system_clock::now() + limit);
    v1::CheckMailRequest request;
    request.mutable_mail()->set_raw(raw);
    return v1::IntakeService::NewStub(intake_server_->InProcessChannel())->CheckMail(&context, request, &response_);
  }
  static bool SaysWhenToComeAgain(const grpc::Status& status) {
    google::rpc::Status details;
    google::rpc::RetryInfo retry;
    if (!details.ParseFromString(status.error_details())) return false;
    for (const auto& any : details.details()) {
      if (any.UnpackTo(&retry)) return true;
    }
    return false;
  }

  rpc::ServicePki pki_;
  FakePolicy policy_;
  std::unique_ptr<rpc::Server> policy_server_, intake_server_;
  CheckMailFn ask_;
  std::unique_ptr<FakeIntake> intake_;
  v1::CheckMailResponse response_;
};

TEST_F(PolicyClientTest, AsksAsIntakeAndGivesTheAnswerOn) {
  ASSERT_TRUE(Ask("From: hanako@example.jp\r\n\r\n").ok());
  EXPECT_EQ(policy_.names.front(), "intake");
  EXPECT_EQ(policy_.asked.raw(), "From: hanako@example.jp\r\n\r\n");
  ASSERT_EQ(response_.parcels_size(), 1);
  EXPECT_EQ(response_.parcels(0).actions(0), "approval");
}

TEST_F(PolicyClientTest, WhatAnIntegratorMaySendPassesAndWhatGrewTooLargeIsSaidToBe) {
  EXPECT_TRUE(Ask(std::string(rpc::kMaxUnaryOctets - 1000, 'x')).ok());
  grpc::ServerContext caller;
  policy::v1::CheckMailRequest grown;
  grown.set_raw(std::string(rpc::kMaxUnaryOctets, 'x'));
  EXPECT_EQ(ask_(caller, grown).error().code, Code::kLimit);
}

TEST_F(PolicyClientTest, APolicyThatIsAwayIsUnavailableAndSaysWhenToComeAgain) {
  policy_server_->Stop(Duration{});
  const grpc::Status status = Ask();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_TRUE(SaysWhenToComeAgain(status));
}

TEST_F(PolicyClientTest, APolicyThatIsMuteIsUnavailableToo) {
  policy_.answer = [](grpc::ServerContext& context, policy::v1::CheckMailResponse&) {
    while (!context.IsCancelled()) std::this_thread::yield();
    return grpc::Status::OK;
  };
  const grpc::Status status = Ask("mail", std::chrono::seconds(2));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE) << "said before the integrator's own deadline";
  EXPECT_TRUE(SaysWhenToComeAgain(status));
}

TEST_F(PolicyClientTest, ThatItDoesNotKnowUsIsForOurLogNotForTheIntegrator) {
  for (const Code code : {Code::kUnauthenticated, Code::kPermission, Code::kInternal, Code::kUnsupported}) {
    policy_.answer = [code](grpc::ServerContext&, policy::v1::CheckMailResponse&) {
      return rpc::ToStatus(MakeError(code, "of our own house"));
    };
    EXPECT_EQ(Ask().error_code(), grpc::StatusCode::UNAVAILABLE) << CodeName(code);
  }
}

TEST_F(PolicyClientTest, WhatItSaysOfTheMailOrItsLoadIsGivenOn) {
  for (const Code code : {Code::kInvalid, Code::kMalformed, Code::kLimit, Code::kExhausted}) {
    policy_.answer = [code](grpc::ServerContext&, policy::v1::CheckMailResponse&) {
      return rpc::ToStatus(MakeError(code, "what is wrong"));
    };
    const grpc::Status status = Ask();
    EXPECT_EQ(status.error_code(), rpc::StatusCodeOf(code)) << CodeName(code);
    EXPECT_EQ(status.error_message(), "what is wrong");
  }
}

}  // namespace
}  // namespace sekisho::intake
