// Channels between services, against real servers of ours.

#include "shared/rpc/channel.h"

#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <future>
#include <map>
#include <thread>

#include "sekisho/policy/v1/policy.grpc.pb.h"
#include "shared/rpc/error.h"
#include "shared/rpc/peers.h"
#include "shared/rpc/server.h"
#include "tests/unit/shared/rpc/service_pki.h"

namespace sekisho::rpc {
namespace {

using policy::v1::PolicyService;
using std::chrono::system_clock;

// Answers as it is told: CheckPolicy may be repeated, ExplainMail may not.
class Probe final : public PolicyService::Service {
 public:
  grpc::Status CheckPolicy(grpc::ServerContext* context, const policy::v1::CheckPolicyRequest*,
                           policy::v1::CheckPolicyResponse*) override {
    return Answer(*context);
  }
  grpc::Status ExplainMail(grpc::ServerContext* context, const policy::v1::ExplainMailRequest*,
                           policy::v1::ExplainMailResponse*) override {
    return Answer(*context);
  }

  std::atomic<int> calls{0};
  std::atomic<int> refusals{0};  // how many of the next calls fail
  std::function<grpc::Status(grpc::ServerContext&)> work = [](grpc::ServerContext&) { return grpc::Status::OK; };

 private:
  grpc::Status Answer(grpc::ServerContext& context) {
    ++calls;
    if (refusals-- > 0) return ToStatus(MakeError(Code::kUnavailable, "the database is away"));
    return work(context);
  }
};

struct Replica {
  Probe probe;
  std::unique_ptr<Server> server;
  std::string Address() const { return "127.0.0.1:" + std::to_string(server->port()); }
};

class ChannelTest : public ::testing::Test {
 protected:
  std::unique_ptr<Replica> Start(const std::optional<config::v1::Tls>& tls = {}) {
    auto replica = std::make_unique<Replica>();
    config::v1::Rpc config;
    config.set_address("127.0.0.1:0");
    if (tls) *config.mutable_tls() = *tls;
    auto server = Server::Start(config, {&replica->probe});
    EXPECT_TRUE(server.ok()) << server.error().detail;
    replica->server = *std::move(server);
    return replica;
  }
  static std::shared_ptr<grpc::Channel> Open(std::vector<std::string> addresses,
                                             const std::optional<config::v1::Tls>& tls = {}) {
    auto channel = OpenChannel({.addresses = std::move(addresses), .service = "policy", .tls = tls});
    EXPECT_TRUE(channel.ok()) << channel.error().detail;
    return *std::move(channel);
  }
  static grpc::StatusCode CheckPolicy(const std::shared_ptr<grpc::Channel>& channel,
                                      std::unique_ptr<grpc::ClientContext> context = Within(std::chrono::seconds(20))) {
    policy::v1::CheckPolicyResponse response;
    return PolicyService::NewStub(channel)
        ->CheckPolicy(context.get(), policy::v1::CheckPolicyRequest(), &response)
        .error_code();
  }
  static grpc::StatusCode ExplainMail(const std::shared_ptr<grpc::Channel>& channel) {
    policy::v1::ExplainMailResponse response;
    return PolicyService::NewStub(channel)
        ->ExplainMail(Within(std::chrono::seconds(20)).get(), policy::v1::ExplainMailRequest(), &response)
        .error_code();
  }
  static std::unique_ptr<grpc::ClientContext> Within(Duration limit) {
    auto context = std::make_unique<grpc::ClientContext>();
    context->set_deadline(system_clock::now() + limit);
    return context;
  }
  static Code Refused(std::vector<std::string> addresses, const std::optional<config::v1::Tls>& tls = {}) {
    const auto channel = OpenChannel({.addresses = std::move(addresses), .service = "policy", .tls = tls});
    return channel.ok() ? Code::kInternal : channel.error().code;
  }

  ServicePki pki_;
};

TEST_F(ChannelTest, BothSidesProveWhoTheyAre) {
  const auto policy = Start(pki_.Issue("policy"));
  std::vector<std::string> names;
  policy->probe.work = [&](grpc::ServerContext& context) {
    names = CertificateNamesOfPeer(context.peer());
    return grpc::Status::OK;
  };
  EXPECT_EQ(CheckPolicy(Open({policy->Address()}, pki_.Issue("intake"))), grpc::StatusCode::OK);
  EXPECT_EQ(names.front(), "intake");
}

TEST_F(ChannelTest, AServerThatIsAnotherServiceOrOfAnotherCaIsNotAsked) {
  const auto delivery = Start(pki_.Issue("delivery"));
  const auto foreign = Start(pki_.Issue("policy", true));
  for (Replica* server : {delivery.get(), foreign.get()}) {
    EXPECT_EQ(CheckPolicy(Open({server->Address()}, pki_.Issue("intake"))), grpc::StatusCode::UNAVAILABLE);
    EXPECT_EQ(server->probe.calls, 0);
  }
}

TEST_F(ChannelTest, ARenewedCertificateIsUsedWithoutARestart) {
  const auto policy = Start(pki_.Issue("policy"));
  const config::v1::Tls wrong = pki_.Issue("intake", true), right = pki_.Issue("intake");
  const auto channel = Open({policy->Address()}, wrong);
  EXPECT_EQ(CheckPolicy(channel), grpc::StatusCode::UNAVAILABLE);
  std::filesystem::rename(right.key_file(), wrong.key_file());
  std::filesystem::rename(right.certificate_file(), wrong.certificate_file());
  const auto until = system_clock::now() + std::chrono::seconds(60);
  grpc::StatusCode last = grpc::StatusCode::UNAVAILABLE;
  while (last != grpc::StatusCode::OK && system_clock::now() < until) last = CheckPolicy(channel);
  EXPECT_EQ(last, grpc::StatusCode::OK);
}

TEST_F(ChannelTest, EveryReplicaGetsItsShareAndOneThatIsAwayIsPassedOver) {
  const auto first = Start(), second = Start();
  const auto channel = Open({first->Address(), second->Address()});
  for (int i = 0; i < 40; ++i) EXPECT_EQ(CheckPolicy(channel), grpc::StatusCode::OK);
  EXPECT_GT(first->probe.calls, 5);
  EXPECT_GT(second->probe.calls, 5);
  first->server->Stop(Duration{});
  for (int i = 0; i < 20; ++i) EXPECT_EQ(CheckPolicy(channel), grpc::StatusCode::OK);
}

TEST_F(ChannelTest, OnlyWhatChangesNothingIsTriedAgain) {
  const auto policy = Start();
  const auto channel = Open({policy->Address()});
  policy->probe.refusals = 2;
  EXPECT_EQ(CheckPolicy(channel), grpc::StatusCode::OK);
  EXPECT_EQ(policy->probe.calls, 3);
  policy->probe.refusals = 1;
  EXPECT_EQ(ExplainMail(channel), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(policy->probe.calls, 4);
}

TEST_F(ChannelTest, WhereMostCallsFailTheyAreNotMultiplied) {
  const auto policy = Start();
  const auto channel = Open({policy->Address()});
  policy->probe.refusals = 1'000'000;
  constexpr int kCalls = 30;
  for (int i = 0; i < kCalls; ++i) EXPECT_EQ(CheckPolicy(channel), grpc::StatusCode::UNAVAILABLE);
  EXPECT_GT(policy->probe.calls, kCalls) << "some were tried again";
  EXPECT_LE(policy->probe.calls, kCalls + 5) << "until the budget was spent";
}

TEST_F(ChannelTest, WhoeverIsAwayFailsTheCallAtOnce) {
  const auto policy = Start();
  const std::string address = policy->Address();
  policy->server->Stop(Duration{});
  EXPECT_EQ(CheckPolicy(Open({address})), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(ChannelTest, WhoeverIsMuteFailsItAtItsDeadline) {
  const auto policy = Start();
  policy->probe.work = [](grpc::ServerContext& context) {
    while (!context.IsCancelled()) std::this_thread::yield();
    return grpc::Status::OK;
  };
  EXPECT_EQ(CheckPolicy(Open({policy->Address()}), Within(std::chrono::milliseconds(100))),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(policy->probe.calls, 1) << "a call without an answer is not repeated";
}

// A service between a caller and another service.
class OnBehalfTest : public ChannelTest {
 protected:
  OnBehalfTest() : front_(Start()), back_(Start()), onward_(Open({back_->Address()})) {
    front_->probe.work = [this](grpc::ServerContext& context) {
      auto onward = OnBehalfOf(context, at_most_);
      // Here, for the library rounds up what it tells the server.
      left_ = onward->deadline() - system_clock::now();
      margin_ = context.deadline() - onward->deadline();
      return grpc::Status(CheckPolicy(onward_, std::move(onward)), "");
    };
    back_->probe.work = [this](grpc::ServerContext& context) {
      for (const auto& [name, value] : context.client_metadata())
        metadata_[std::string(name.data(), name.size())] = std::string(value.data(), value.size());
      return grpc::Status::OK;
    };
  }
  std::unique_ptr<Replica> front_, back_;
  std::shared_ptr<grpc::Channel> onward_;
  Duration at_most_ = std::chrono::hours(1);
  system_clock::duration left_{}, margin_{};
  std::map<std::string, std::string> metadata_;
};

TEST_F(OnBehalfTest, CarriesTheTokenAndTheTraceOn) {
  auto context = Within(std::chrono::seconds(20));
  context->AddMetadata("authorization", "Bearer the-callers");
  context->AddMetadata("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  EXPECT_EQ(CheckPolicy(Open({front_->Address()}), std::move(context)), grpc::StatusCode::OK);
  EXPECT_EQ(metadata_["authorization"], "Bearer the-callers");
  EXPECT_EQ(metadata_["traceparent"].substr(0, 36), "00-0af7651916cd43dd8448eb211c80319c-");
  EXPECT_NE(metadata_["traceparent"].substr(36, 16), "b7ad6b7169203331");
}

TEST_F(OnBehalfTest, EndsALittleBeforeTheCallersDeadlineOrAtItsOwn) {
  EXPECT_EQ(CheckPolicy(Open({front_->Address()}), Within(std::chrono::seconds(20))), grpc::StatusCode::OK);
  EXPECT_GE(margin_, std::chrono::milliseconds(99));
  EXPECT_LE(margin_, std::chrono::milliseconds(101));
  EXPECT_GT(left_, std::chrono::seconds(10));
  at_most_ = std::chrono::seconds(5);
  EXPECT_EQ(CheckPolicy(Open({front_->Address()}), Within(std::chrono::seconds(20))), grpc::StatusCode::OK);
  EXPECT_LE(left_, std::chrono::seconds(5));
}

TEST_F(OnBehalfTest, IsCancelledWithTheCallers) {
  std::promise<void> reached, ended;
  back_->probe.work = [&](grpc::ServerContext& context) {
    reached.set_value();
    while (!context.IsCancelled()) std::this_thread::yield();
    ended.set_value();
    return grpc::Status::OK;
  };
  grpc::ClientContext context;
  context.set_deadline(system_clock::now() + std::chrono::seconds(60));
  std::thread canceller([&] {
    reached.get_future().get();
    context.TryCancel();
  });
  policy::v1::CheckPolicyResponse response;
  EXPECT_EQ(PolicyService::NewStub(Open({front_->Address()}))
                ->CheckPolicy(&context, policy::v1::CheckPolicyRequest(), &response)
                .error_code(),
            grpc::StatusCode::CANCELLED);
  canceller.join();
  EXPECT_EQ(ended.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
}

TEST_F(ChannelTest, SaysWhatIsWrongWithTheConfiguration) {
  const config::v1::Tls tls = pki_.Issue("intake");
  EXPECT_EQ(Refused({}), Code::kInvalid);
  EXPECT_EQ(Refused({"192.0.2.7:50051"}), Code::kInvalid) << "in the clear";
  EXPECT_EQ(Refused({"policy.example:50051"}), Code::kInvalid) << "in the clear";
  EXPECT_EQ(Refused({"policy-0.example:1", "policy-1.example:1"}, tls), Code::kInvalid);
  EXPECT_EQ(Refused({"192.0.2.7:50051", "[2001:db8::1]:50051"}, tls), Code::kInvalid);
  EXPECT_TRUE(OpenChannel({.addresses = {"policy.example:50051"}, .service = "policy", .tls = tls}).ok());
  EXPECT_TRUE(OpenChannel({.addresses = {"[::1]:1", "[::1]:2"}, .service = "policy", .tls = {}}).ok());
  std::filesystem::permissions(tls.key_file(), std::filesystem::perms(0644));
  EXPECT_EQ(Refused({"127.0.0.1:1"}, tls), Code::kPermission);
  std::filesystem::remove(tls.certificate_file());
  EXPECT_EQ(Refused({"127.0.0.1:1"}, tls), Code::kNotFound);
}

TEST_F(ChannelTest, ReachesEveryInstanceOfTheConfiguration) {
  const auto first = Start(), second = Start();
  config::v1::Config config;
  for (const auto& [name, address] : {std::pair{"policy", first->Address()},
                                      {"policy", second->Address()},
                                      {"delivery", std::string("127.0.0.1:1")}}) {
    config::v1::Service& service = *config.add_services();
    service.set_name(name);
    service.set_instance(std::to_string(config.services_size()));
    service.set_address(address);
  }
  const auto channel = OpenChannel(config, config.services(2), "policy");
  ASSERT_TRUE(channel.ok()) << channel.error().detail;
  for (int i = 0; i < 20; ++i) EXPECT_EQ(CheckPolicy(*channel), grpc::StatusCode::OK);
  EXPECT_GT(first->probe.calls, 0);
  EXPECT_GT(second->probe.calls, 0);
  EXPECT_EQ(OpenChannel(config, config.services(2), "ledger").error().code, Code::kInvalid) << "there is none";
}

}  // namespace
}  // namespace sekisho::rpc
