// sekisho.policy.v1.PolicyService through a real server, and CheckMail.

#include "services/policy/adapters/policy_rpc.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>

#include "shared/rpc/channel.h"
#include "shared/rpc/server.h"
#include "tests/unit/services/policy/adapters/policy_world.h"
#include "tests/unit/shared/rpc/service_pki.h"

namespace sekisho::policy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kPolicy[] =
    "rules:\n"
    "  - {id: wait, when: {recipient: {scope: [EXTERNAL]}}, then: {hold_for: 3m}}\n"
    "  - {id: c, when: {content: {keywords: [社外秘]}, sender: {groups: [sales]}}, then: {approval: {}}}\n";
constexpr char kMail[] = "From: hanako@example.jp\r\nSubject: =?UTF-8?B?56S+5aSW56eY?=\r\n\r\nhello\r\n";

class PolicyRpcTest : public ::testing::Test {
 protected:
  PolicyRpcTest() : world_(kPolicy) {
    SEKISHO_CHECK(world_.Start().ok());
    config::v1::Rpc config;
    config.set_address("127.0.0.1:0");
    auto server = rpc::Server::Start(config, world_.app->rpcs());
    SEKISHO_CHECK(server.ok());
    server_ = *std::move(server);
    stub_ = v1::PolicyService::NewStub(server_->InProcessChannel());
  }
  ~PolicyRpcTest() override { server_->Stop(std::chrono::seconds(5)); }

  template <typename Request, typename Response>
  grpc::Status Call(const std::string& login,
                    grpc::Status (v1::PolicyService::Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response* response) {
    grpc::ClientContext context;
    context.AddMetadata("authorization", "Bearer " + world_.authenticator->tokens().Issue(login)->token);
    return (stub_.get()->*method)(&context, request, response);
  }

  PolicyWorld world_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<v1::PolicyService::Stub> stub_;
};

TEST_F(PolicyRpcTest, CheckPolicyTellsProblemsWithLineAndColumn) {
  v1::CheckPolicyRequest request;
  request.set_document("rules:\n  - id: r\n    then: {hold_for: 99d}\n  - id: s\n    than: {pass: true}\n");
  v1::CheckPolicyResponse response;
  ASSERT_TRUE(Call("admin@example.jp", &v1::PolicyService::Stub::CheckPolicy, request, &response).ok());
  EXPECT_FALSE(response.valid());
  ASSERT_EQ(response.problems_size(), 1) << "what isn't well formed is told first";
  EXPECT_EQ(response.problems(0).line(), 5u);
  EXPECT_EQ(response.problems(0).column(), 5u);
  EXPECT_THAT(response.problems(0).message(), HasSubstr("then"));

  request.set_document("rules:\n  - id: r\n    then: {hold_for: 99d}\n");
  ASSERT_TRUE(Call("admin@example.jp", &v1::PolicyService::Stub::CheckPolicy, request, &response).ok());
  ASSERT_EQ(response.problems_size(), 1);
  EXPECT_EQ(response.problems(0).line(), 3u);
  EXPECT_THAT(response.problems(0).message(), HasSubstr("1s to 30d"));

  request.set_document(kPolicy);
  ASSERT_TRUE(Call("admin@example.jp", &v1::PolicyService::Stub::CheckPolicy, request, &response).ok());
  EXPECT_TRUE(response.valid());
  EXPECT_EQ(response.version().size(), 12u);
}

TEST_F(PolicyRpcTest, ExplainMailSaysWhatWouldHappenAndIsJournalled) {
  v1::ExplainMailRequest request;
  request.set_raw(kMail);
  request.set_mail_from("hanako@example.jp");
  request.add_recipients("x@a.example");
  request.add_recipients("jiro@example.jp");
  v1::ExplainMailResponse response;
  const grpc::Status status = Call("admin@example.jp", &v1::PolicyService::Stub::ExplainMail, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(response.decisions_size(), 1);
  EXPECT_THAT(response.decisions(0).recipients(), ElementsAre("x@a.example", "jiro@example.jp"));
  EXPECT_THAT(response.decisions(0).actions(), ElementsAre("approval"));
  EXPECT_EQ(response.decisions(0).reasons(0).evidence(), "社外秘");
  EXPECT_EQ(response.decisions(0).reasons(0).place(), "subject");
  const auto event = world_.NextEvent();
  EXPECT_EQ(event.type(), "explained");
  EXPECT_EQ(event.actor(), "admin@example.jp");
  EXPECT_THAT(event.detail(), HasSubstr(response.policy_version()));
  EXPECT_TRUE(world_.IsEmpty(bus::Topic::kJudged)) << "nothing is sent";
}

TEST_F(PolicyRpcTest, ExplainMailTriesAnotherDocument) {
  v1::ExplainMailRequest request;
  request.set_raw(kMail);
  request.add_recipients("x@a.example");
  request.set_document("rules: [{id: never, then: {block: true}}]");
  v1::ExplainMailResponse response;
  ASSERT_TRUE(Call("admin@example.jp", &v1::PolicyService::Stub::ExplainMail, request, &response).ok());
  EXPECT_THAT(response.decisions(0).actions(), ElementsAre("block"));
  request.set_document("rules: [{id: never}]");
  const grpc::Status status = Call("admin@example.jp", &v1::PolicyService::Stub::ExplainMail, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("has no 'then'"));
}

TEST_F(PolicyRpcTest, ExplainMailWantsAMailAndRecipients) {
  v1::ExplainMailResponse response;
  EXPECT_EQ(
      Call("admin@example.jp", &v1::PolicyService::Stub::ExplainMail, v1::ExplainMailRequest(), &response).error_code(),
      grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(PolicyRpcTest, TheVersionInForceAndWhyTheNewestIsNot) {
  v1::GetPolicyVersionResponse response;
  ASSERT_TRUE(
      Call("admin@example.jp", &v1::PolicyService::Stub::GetPolicyVersion, v1::GetPolicyVersionRequest(), &response)
          .ok());
  EXPECT_EQ(response.version().size(), 12u);
  EXPECT_EQ(response.last_error(), "");
}

TEST_F(PolicyRpcTest, OnlyWhoMayIsAnswered) {
  v1::ExplainMailResponse explained;
  v1::CheckPolicyResponse checked;
  v1::GetPolicyVersionResponse version;
  EXPECT_EQ(Call("hanako@example.jp", &v1::PolicyService::Stub::ExplainMail, v1::ExplainMailRequest(), &explained)
                .error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(
      Call("hanako@example.jp", &v1::PolicyService::Stub::CheckPolicy, v1::CheckPolicyRequest(), &checked).error_code(),
      grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(
      Call("hanako@example.jp", &v1::PolicyService::Stub::GetPolicyVersion, v1::GetPolicyVersionRequest(), &version)
          .error_code(),
      grpc::StatusCode::PERMISSION_DENIED);
  grpc::ClientContext context;
  EXPECT_EQ(stub_->CheckPolicy(&context, v1::CheckPolicyRequest(), &checked).error_code(),
            grpc::StatusCode::UNAUTHENTICATED);
}

v1::CheckMailRequest HanakosQuestion() {
  v1::CheckMailRequest request;
  request.set_raw(kMail);
  request.set_mail_from("hanako@example.jp");
  request.set_principal("hanako@example.jp");
  request.add_recipients("x@a.example");
  return request;
}

// What a sender is told holds neither evidence nor place.
TEST_F(PolicyRpcTest, CheckMailTellsASenderNoTerm) {
  grpc::ClientContext context;
  v1::CheckMailResponse checked;
  ASSERT_TRUE(stub_->CheckMail(&context, HanakosQuestion(), &checked).ok());
  ASSERT_EQ(checked.parcels_size(), 1);
  EXPECT_THAT(checked.parcels(0).recipients(), ElementsAre("x@a.example"));
  EXPECT_THAT(checked.parcels(0).actions(), ElementsAre("approval")) << "the principal's groups count";
  EXPECT_EQ(checked.parcels(0).reasons_ja_size(), 1);
  EXPECT_THAT(checked.DebugString(), Not(HasSubstr("社外秘")));
}

TEST_F(PolicyRpcTest, CheckMailIsForIntakeAlone) {
  v1::CheckMailResponse response;
  rpc::ServicePki pki;
  config::v1::Rpc config;
  config.set_address("127.0.0.1:0");
  *config.mutable_tls() = pki.Issue("policy");
  const auto server = rpc::Server::Start(config, world_.app->rpcs());
  ASSERT_TRUE(server.ok()) << server.error().detail;
  const auto ask_as = [&](const std::string& service) {
    const auto channel = rpc::OpenChannel({.addresses = {"127.0.0.1:" + std::to_string((*server)->port())},
                                           .service = "policy",
                                           .tls = pki.Issue(service)});
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    return v1::PolicyService::NewStub(*channel)->CheckMail(&context, HanakosQuestion(), &response).error_code();
  };
  EXPECT_EQ(ask_as("delivery"), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(ask_as("intake"), grpc::StatusCode::OK);
  EXPECT_THAT(response.parcels(0).actions(), ElementsAre("approval"));
  (*server)->Stop(std::chrono::seconds(5));
}

}  // namespace
}  // namespace sekisho::policy
