// Services known by their certificates, with real TLS connections through the gate.

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "sekisho/policy/v1/policy.grpc.pb.h"
#include "shared/keys/file_ring.h"
#include "shared/rpc/auth.h"
#include "shared/rpc/certificate_files.h"
#include "shared/rpc/error.h"
#include "shared/rpc/peers.h"
#include "shared/rpc/server.h"
#include "shared/testing/fake_clock.h"
#include "tests/unit/shared/rpc/service_pki.h"

namespace sekisho::rpc {
namespace {

using policy::v1::PolicyService;

// CheckMail is for the service intake, CheckPolicy for a person with a role.
class Probe final : public PolicyService::Service {
 public:
  explicit Probe(const Authenticator& authenticator) : authenticator_(authenticator) {}
  grpc::Status CheckMail(grpc::ServerContext* context, const policy::v1::CheckMailRequest*,
                         policy::v1::CheckMailResponse*) override {
    return LetIn(context, "CheckMail");
  }
  grpc::Status CheckPolicy(grpc::ServerContext* context, const policy::v1::CheckPolicyRequest*,
                           policy::v1::CheckPolicyResponse*) override {
    return LetIn(context, "CheckPolicy");
  }
  Principal last;

 private:
  grpc::Status LetIn(grpc::ServerContext* context, const std::string& method) {
    const auto who = authenticator_.Authenticate(*context, "/sekisho.policy.v1.PolicyService/" + method);
    if (!who.ok()) return ToStatus(who.error());
    last = *who;
    return grpc::Status::OK;
  }
  const Authenticator& authenticator_;
};

std::string Contents(const std::string& file) {
  std::ifstream in(file);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

class IdentityTest : public ::testing::Test {
 protected:
  IdentityTest()
      : keys_(*keys::OpenFileRing(folder_ / "ring", true)),
        authenticator_(*keys_, clock_, std::chrono::hours(1),
                       [](std::string_view login) -> Result<Principal> {
                         // A directory in which somebody has given themselves a service's role.
                         return Principal{std::string(login), {"policy_admin", "service:intake"}, "en"};
                       }),
        probe_(authenticator_) {
    config_.set_address("127.0.0.1:0");
    *config_.mutable_tls() = pki_.Issue("policy");
    config_.set_client_certificate_optional(true);
  }
  void Start() {
    auto server = Server::Start(config_, {&probe_});
    ASSERT_TRUE(server.ok()) << server.error().detail;
    server_ = *std::move(server);
  }
  std::shared_ptr<grpc::Channel> Connect(const config::v1::Tls* own) {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = Contents(config_.tls().client_ca_file());
    if (own != nullptr) {
      options.pem_cert_chain = Contents(own->certificate_file());
      options.pem_private_key = Contents(own->key_file());
    }
    grpc::ChannelArguments arguments;
    arguments.SetSslTargetNameOverride("policy");
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel("ipv4:127.0.0.1:" + std::to_string(server_->port()), grpc::SslCredentials(options),
                                     arguments);
  }
  std::string Token() const { return "Bearer " + authenticator_.tokens().Issue("admin")->token; }

  template <typename Request, typename Response>
  static grpc::StatusCode Ask(const std::shared_ptr<grpc::Channel>& channel,
                              grpc::Status (PolicyService::Stub::*method)(grpc::ClientContext*, const Request&,
                                                                          Response*),
                              const std::string& authorization) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    if (!authorization.empty()) context.AddMetadata("authorization", authorization);
    Response response;
    return ((*PolicyService::NewStub(channel)).*method)(&context, Request(), &response).error_code();
  }
  grpc::StatusCode CheckMail(const config::v1::Tls* own, const std::string& authorization = {}) {
    return Ask(Connect(own), &PolicyService::Stub::CheckMail, authorization);
  }
  grpc::StatusCode CheckPolicy(const config::v1::Tls* own, const std::string& authorization = {}) {
    return Ask(Connect(own), &PolicyService::Stub::CheckPolicy, authorization);
  }

  testing::TemporaryFolder folder_;
  testing::FakeClock clock_;
  ServicePki pki_;
  std::unique_ptr<keys::KeyRing> keys_;
  Authenticator authenticator_;
  Probe probe_;
  config::v1::Rpc config_;
  std::unique_ptr<Server> server_;
};

TEST_F(IdentityTest, AServiceIsKnownByTheNameInItsCertificate) {
  Start();
  const config::v1::Tls intake = pki_.Issue("intake");
  EXPECT_EQ(CheckMail(&intake), grpc::StatusCode::OK);
  EXPECT_EQ(probe_.last.login, "service:intake");
  EXPECT_EQ(probe_.last.roles, (std::set<std::string, std::less<>>{"service:intake"}));
}

TEST_F(IdentityTest, AnotherNameIsAnotherService) {
  Start();
  for (const char* name : {"delivery", "intake.example", "intake2", "INTAKE", "*.intake"}) {
    const config::v1::Tls other = pki_.Issue(name);
    EXPECT_EQ(CheckMail(&other), grpc::StatusCode::UNAUTHENTICATED) << name;
  }
}

TEST_F(IdentityTest, ACertificateThatOurCaDoesNotVouchForEndsTheConnection) {
  Start();
  const config::v1::Tls foreign = pki_.Issue("intake", true);
  EXPECT_EQ(CheckMail(&foreign, Token()), grpc::StatusCode::UNAVAILABLE);
  const config::v1::Tls expired = pki_.Issue("intake", false, ServicePki::Now() - std::chrono::hours(1));
  EXPECT_EQ(CheckMail(&expired, Token()), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(IdentityTest, WhoShowsNoCertificateNeedsATokenAndIsNoService) {
  Start();
  EXPECT_EQ(CheckMail(nullptr), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(CheckMail(nullptr, Token()), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(CheckPolicy(nullptr), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(CheckPolicy(nullptr, Token()), grpc::StatusCode::OK);
}

TEST_F(IdentityTest, AServiceMayPassOnItsCallersTokenAndHasNoRoleOfItsOwnElsewhere) {
  Start();
  const config::v1::Tls intake = pki_.Issue("intake");
  EXPECT_EQ(CheckPolicy(&intake), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(CheckPolicy(&intake, Token()), grpc::StatusCode::OK);
  EXPECT_EQ(probe_.last.login, "admin");
}

TEST_F(IdentityTest, ACertificateIsDemandedUnlessItIsOptional) {
  config_.set_client_certificate_optional(false);
  Start();
  EXPECT_EQ(CheckPolicy(nullptr, Token()), grpc::StatusCode::UNAVAILABLE);
  const config::v1::Tls intake = pki_.Issue("intake");
  EXPECT_EQ(CheckPolicy(&intake, Token()), grpc::StatusCode::OK);
}

TEST_F(IdentityTest, AServiceOfTheSameProcessNeedsNoCertificate) {
  Start();
  EXPECT_EQ(Ask(server_->InProcessChannel(), &PolicyService::Stub::CheckMail, ""), grpc::StatusCode::OK);
  EXPECT_EQ(probe_.last.login, "service:intake");
  EXPECT_EQ(Ask(server_->InProcessChannel(), &PolicyService::Stub::CheckPolicy, ""), grpc::StatusCode::UNAUTHENTICATED)
      << "what is a person's stays so";
}

TEST_F(IdentityTest, NobodyElseIsOfOurProcess) {
  Start();
  for (const std::string& proof : {std::string(), std::string("guess"), std::string(64, '0')}) {
    policy::v1::CheckMailResponse response;
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    context.AddMetadata(kOwnProcess, proof);
    EXPECT_EQ(PolicyService::NewStub(Connect(nullptr))
                  ->CheckMail(&context, policy::v1::CheckMailRequest(), &response)
                  .error_code(),
              grpc::StatusCode::UNAUTHENTICATED);
  }
}

TEST_F(IdentityTest, ARenewedCertificateIsReadAndAHalfRenewedOneIsNot) {
  const config::v1::Tls tls = pki_.Issue("policy"), renewed = pki_.Issue("policy");
  CertificateFiles files(tls, false);
  const auto first = files.Read();
  ASSERT_TRUE(first.ok()) << first.error().detail;
  EXPECT_NE(*first, nullptr);
  EXPECT_EQ(*files.Read(), nullptr) << "nothing has changed";

  const auto name = [](const std::string& file) { return std::filesystem::path(file).filename().string(); };
  pki_.Write(name(tls.certificate_file()), Contents(renewed.certificate_file()));
  const auto second = files.Read();
  ASSERT_TRUE(second.ok()) << second.error().detail;
  EXPECT_NE(*second, nullptr);
  pki_.Write(name(tls.key_file()), testing::TestKeyPem("P-256", "of nobody"));
  EXPECT_EQ(files.Read().error().code, Code::kInvalid);
  EXPECT_EQ(*files.Read(), nullptr) << "said once";
  pki_.Write(name(tls.key_file()), Contents(renewed.key_file()));
  const auto whole = files.Read();
  ASSERT_TRUE(whole.ok()) << whole.error().detail;
  EXPECT_NE(*whole, nullptr);
  std::filesystem::permissions(tls.key_file(), std::filesystem::perms(0644));
  EXPECT_EQ(files.Read().error().code, Code::kPermission);
}

}  // namespace
}  // namespace sekisho::rpc
