// The command line's view of a deployment: one server named, the others told by it.

#include "cli/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "cli/commands.h"
#include "sekisho/intake/v1/intake.grpc.pb.h"
#include "sekisho/policy/v1/policy.grpc.pb.h"
#include "sekisho/stage/v1/stage.grpc.pb.h"
#include "shared/rpc/error.h"
#include "shared/rpc/server.h"
#include "tests/unit/shared/rpc/service_pki.h"

namespace sekisho::cli {
namespace {

using policy::v1::PolicyService;
using stage::v1::StageService;
using ::testing::HasSubstr;

class FakeLogin final : public intake::v1::AuthService::Service {
  grpc::Status Login(grpc::ServerContext*, const intake::v1::LoginRequest*,
                     intake::v1::LoginResponse* response) override {
    response->set_token("a-token");
    return grpc::Status::OK;
  }
};

class FakePolicy final : public PolicyService::Service {
 public:
  grpc::Status GetPolicyVersion(grpc::ServerContext* context, const policy::v1::GetPolicyVersionRequest*,
                                policy::v1::GetPolicyVersionResponse* response) override {
    const auto token = context->client_metadata().find("authorization");
    if (token == context->client_metadata().end() || token->second != "Bearer a-token")
      return grpc::Status(grpc::StatusCode::UNAUTHENTICATED, "who?");
    response->set_version("v1");
    return grpc::Status::OK;
  }
  grpc::Status CheckPolicy(grpc::ServerContext*, const policy::v1::CheckPolicyRequest*,
                           policy::v1::CheckPolicyResponse*) override {
    return rpc::ToStatus(MakeError(Code::kUnsupported, "this policy cannot be checked"));
  }
};

class FakeStage final : public StageService::Service {
 public:
  grpc::Status ListServices(grpc::ServerContext*, const stage::v1::ListServicesRequest*,
                            stage::v1::ListServicesResponse* response) override {
    ++asked;
    *response = services;
    return grpc::Status::OK;
  }
  grpc::Status ListQueues(grpc::ServerContext*, const stage::v1::ListQueuesRequest*,
                          stage::v1::ListQueuesResponse* response) override {
    if (refuse) return rpc::ToStatus(MakeError(Code::kPermission, "this needs the role operator"));
    response->add_queues()->set_stage(name);
    return grpc::Status::OK;
  }
  std::string name;
  bool refuse = false;
  int asked = 0;
  stage::v1::ListServicesResponse services;
};

// A process of the deployment; policies have a PolicyService.
struct Process {
  Process(const std::string& name, const config::v1::Tls* tls) {
    stage.name = name;
    config::v1::Rpc config;
    config.set_address("127.0.0.1:0");
    if (tls != nullptr) {
      *config.mutable_tls() = *tls;
      config.set_client_certificate_optional(true);
    }
    std::vector<grpc::Service*> services = {&stage};
    if (name == "intake") services.push_back(&login);
    if (name == "policy") services.push_back(&policy);
    auto started = rpc::Server::Start(config, services);
    SEKISHO_CHECK(started.ok());
    server = *std::move(started);
  }
  std::string Address(const std::string& host = "127.0.0.1") const {
    return host + ":" + std::to_string(server->port());
  }
  FakeStage stage;
  FakeLogin login;
  FakePolicy policy;
  std::unique_ptr<rpc::Server> server;
};

class ClientTest : public ::testing::Test {
 protected:
  ClientTest() {
    setenv("SEKISHO_PASSWORD", "a-password", 1);
    Add("intake");
  }
  ~ClientTest() override { unsetenv("SEKISHO_PASSWORD"); }

  Process& Add(const std::string& name, const std::string& instance = {}, const config::v1::Tls* tls = nullptr) {
    processes_.push_back(std::make_unique<Process>(name, tls));
    Process& process = *processes_.back();
    Tell(name, instance, process.Address());
    return process;
  }
  void Tell(const std::string& name, const std::string& instance, const std::string& address) {
    stage::v1::ServiceAddress& one = *processes_.front()->stage.services.add_services();
    one.set_service(name);
    one.set_instance(instance);
    one.set_address(address);
  }
  // Where a process was that is no more.
  static std::string Gone() { return Process("delivery", nullptr).Address(); }
  Process& intake() { return *processes_.front(); }
  Client Make(const std::string& server = {}, const std::string& ca_file = {}) {
    Options options;
    options.server = server.empty() ? intake().Address() : server;
    options.user = "admin@example.jp";
    options.ca_file = ca_file;
    options.timeout = std::chrono::seconds(20);
    return Client(options);
  }
  static Exit AskVersion(Client& client) {
    policy::v1::GetPolicyVersionResponse response;
    return client.Call<PolicyService>(&PolicyService::Stub::GetPolicyVersion, policy::v1::GetPolicyVersionRequest(),
                                      &response);
  }
  static Exit AskQueues(Client& client, std::vector<Answer<stage::v1::ListQueuesResponse>>& answers) {
    return AskEvery<StageService>(client, &StageService::Stub::ListQueues, stage::v1::ListQueuesRequest(), answers);
  }

  std::vector<std::unique_ptr<Process>> processes_;
};

TEST(OwnerTest, IsThePackagesService) {
  EXPECT_EQ(OwnerOf("sekisho.policy.v1.PolicyService"), "policy");
  EXPECT_EQ(OwnerOf("sekisho.stage.v1.StageService"), "stage");
  EXPECT_EQ(OwnerOf("grpc.health.v1.Health"), "");
}

TEST_F(ClientTest, WhatTheServerHasIsAskedOfIt) {
  Client client = Make();
  stage::v1::ListQueuesResponse response;
  EXPECT_TRUE(
      client.Call<StageService>(&StageService::Stub::ListQueues, stage::v1::ListQueuesRequest(), &response).ok());
  EXPECT_EQ(response.queues(0).stage(), "intake");
  EXPECT_EQ(intake().stage.asked, 0) << "it need not know where the others are";
}

TEST_F(ClientTest, WhatAnotherProcessHasIsAskedOfThatWithTheSameToken) {
  Add("policy");
  Client client = Make();
  const Exit exit = AskVersion(client);
  EXPECT_TRUE(exit.ok()) << exit.message;
  EXPECT_TRUE(AskVersion(client).ok());
  EXPECT_EQ(intake().stage.asked, 1);
}

TEST_F(ClientTest, OfSeveralInstancesTheOneThatAnswers) {
  Tell("policy", "0", Gone());
  Add("policy", "1");
  Client client = Make();
  EXPECT_TRUE(AskVersion(client).ok());
}

TEST_F(ClientTest, AServiceThatIsAwayIsNamed) {
  const std::string gone = Gone();
  Tell("policy", "0", gone);
  Client client = Make();
  const Exit exit = AskVersion(client);
  EXPECT_EQ(exit.code, kUnavailable);
  EXPECT_EQ(exit.message, "policy/0 does not answer at " + gone);
}

TEST_F(ClientTest, ARefusalIsNotTakenForAbsence) {
  Add("policy");
  Client client = Make();
  policy::v1::CheckPolicyResponse response;
  const Exit exit =
      client.Call<PolicyService>(&PolicyService::Stub::CheckPolicy, policy::v1::CheckPolicyRequest(), &response);
  EXPECT_EQ(exit.code, kRefused);
  EXPECT_THAT(exit.message, HasSubstr("this policy cannot be checked"));
}

TEST_F(ClientTest, WhereAllIsOneProcessAnAbsentMethodIsAbsent) {
  intake().stage.services.clear_services();
  Client client = Make();
  EXPECT_EQ(AskVersion(client).code, kRefused);
}

TEST_F(ClientTest, ALoginAtAnotherServiceSaysWhereItBelongs) {
  Client client = Make(Add("policy").Address());
  const Exit exit = client.Login("hanako@example.jp", Secret<std::string>("x"), false);
  EXPECT_EQ(exit.code, kRefused);
  EXPECT_THAT(exit.message, HasSubstr("address of intake"));
}

TEST_F(ClientTest, EveryProcessIsAskedAndThoseAwayAreNamed) {
  Add("policy", "0");
  const std::string gone = Gone();
  Tell("delivery", "", gone);
  Client client = Make();
  std::vector<Answer<stage::v1::ListQueuesResponse>> answers;
  ASSERT_TRUE(AskQueues(client, answers).ok());
  ASSERT_EQ(answers.size(), 3u);
  EXPECT_EQ(answers[0].response.queues(0).stage(), "intake");
  EXPECT_EQ(answers[1].response.queues(0).stage(), "policy");
  EXPECT_EQ(answers[2].exit.code, kUnavailable);
  EXPECT_EQ(Missing(answers).code, kUnavailable);
  EXPECT_EQ(Missing(answers).message, "delivery does not answer at " + gone);
}

TEST_F(ClientTest, WhoMayNotAskOneMayNotAskAny) {
  Add("policy").stage.refuse = true;
  Client client = Make();
  std::vector<Answer<stage::v1::ListQueuesResponse>> answers;
  EXPECT_EQ(AskQueues(client, answers).code, kNotAllowed);
}

TEST_F(ClientTest, InOneProcessItAloneIsAsked) {
  intake().stage.services.clear_services();
  Client client = Make();
  std::vector<Answer<stage::v1::ListQueuesResponse>> answers;
  ASSERT_TRUE(AskQueues(client, answers).ok());
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_TRUE(Missing(answers).ok());
}

TEST_F(ClientTest, UnderTlsAServiceIsKnownByItsNameWhereverItRuns) {
  rpc::ServicePki pki;
  const config::v1::Tls at_door = pki.Issue("localhost"), right = pki.Issue("policy"), wrong = pki.Issue("ledger");
  processes_.clear();
  Add("intake", "", &at_door);
  Add("policy", "", &right);
  Client client = Make(intake().Address("localhost"), at_door.client_ca_file());
  const Exit exit = AskVersion(client);
  EXPECT_TRUE(exit.ok()) << exit.message;

  processes_.pop_back();
  intake().stage.services.mutable_services()->RemoveLast();
  Add("policy", "", &wrong);
  Client misled = Make(intake().Address("localhost"), at_door.client_ca_file());
  EXPECT_EQ(AskVersion(misled).code, kUnavailable);
}

}  // namespace
}  // namespace sekisho::cli
