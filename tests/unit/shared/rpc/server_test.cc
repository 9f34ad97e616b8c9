// The server as its callers meet it: limits, TLS, health, and who is let in.

#include <grpc/support/log.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <sstream>

#include "sekisho/policy/v1/policy.grpc.pb.h"
#include "shared/keys/file_ring.h"
#include "shared/observe/log.h"
#include "shared/rpc/auth.h"
#include "shared/rpc/error.h"
#include "shared/rpc/server.h"
#include "shared/testing/fake_clock.h"
#include "shared/testing/pki.h"
#include "shared/testing/temporary_folder.h"

namespace sekisho::rpc {
namespace {

const std::filesystem::path kKeys = std::filesystem::path(SEKISHO_TESTDATA) / "../../examples/demo/keys";

// Lets in whom the table lets in, and says who it is.
class PolicyProbe final : public policy::v1::PolicyService::Service {
 public:
  explicit PolicyProbe(const Authenticator& authenticator) : authenticator_(authenticator) {}
  grpc::Status CheckPolicy(grpc::ServerContext* context, const policy::v1::CheckPolicyRequest*,
                           policy::v1::CheckPolicyResponse* response) override {
    const auto who = authenticator_.Authenticate(*context, "/sekisho.policy.v1.PolicyService/CheckPolicy");
    if (!who.ok()) return ToStatus(who.error());
    response->set_version(who->login);
    return grpc::Status::OK;
  }
  grpc::Status GetPolicyVersion(grpc::ServerContext* context, const policy::v1::GetPolicyVersionRequest*,
                                policy::v1::GetPolicyVersionResponse*) override {
    const auto who = authenticator_.Authenticate(*context, "/sekisho.policy.v1.PolicyService/NotInTheTable");
    return who.ok() ? grpc::Status::OK : ToStatus(who.error());
  }

 private:
  const Authenticator& authenticator_;
};

class ServerTest : public ::testing::Test {
 protected:
  ServerTest()
      : keys_(*keys::OpenFileRing(folder_ / "ring", true)),
        authenticator_(*keys_, clock_, std::chrono::hours(1),
                       [this](std::string_view login) -> Result<Principal> {
                         const auto found = roles_.find(std::string(login));
                         if (found == roles_.end()) return MakeError(Code::kUnauthenticated, "this login is not known");
                         return Principal{std::string(login), found->second, "en"};
                       }),
        service_(authenticator_) {
    config_.set_address("127.0.0.1:0");
  }
  // Git keeps no private modes: the demo's key is copied to where only its owner reads it.
  void UseTls() {
    std::filesystem::copy_file(kKeys / "server.key", folder_ / "server.key");
    std::filesystem::permissions(folder_ / "server.key", std::filesystem::perms(0600));
    config_.mutable_tls()->set_certificate_file(kKeys / "server.pem");
    config_.mutable_tls()->set_key_file(folder_ / "server.key");
  }
  void Start() {
    auto server = Server::Start(config_, {&service_});
    ASSERT_TRUE(server.ok()) << server.error().detail;
    server_ = *std::move(server);
  }
  std::string Target() const { return "ipv4:127.0.0.1:" + std::to_string(server_->port()); }
  grpc::Status Check(const std::string& authorization, size_t octets = 0) {
    return CheckOn(grpc::CreateChannel(Target(), grpc::InsecureChannelCredentials()), authorization, octets);
  }
  grpc::Status CheckOn(const std::shared_ptr<grpc::Channel>& channel, const std::string& authorization,
                       size_t octets = 0) {
    const auto stub = policy::v1::PolicyService::NewStub(channel);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    if (!authorization.empty()) context.AddMetadata("authorization", authorization);
    policy::v1::CheckPolicyRequest request;
    request.set_document(std::string(octets, 'x'));
    response_.Clear();
    return stub->CheckPolicy(&context, request, &response_);
  }
  std::string TokenOf(const std::string& login) { return "Bearer " + authenticator_.tokens().Issue(login)->token; }

  // grpc.health.v1.Health/Check of the server as a whole: the status' number.
  int Health() {
    grpc::GenericStub stub(grpc::CreateChannel(Target(), grpc::InsecureChannelCredentials()));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    const grpc::Slice nothing;  // an empty request: the server as a whole
    grpc::ByteBuffer request(&nothing, 1), response;
    std::promise<grpc::Status> done;
    stub.UnaryCall(&context, "/grpc.health.v1.Health/Check", grpc::StubOptions(), &request, &response,
                   [&](grpc::Status status) { done.set_value(std::move(status)); });
    if (!done.get_future().get().ok()) return -1;
    std::vector<grpc::Slice> slices;
    EXPECT_TRUE(response.Dump(&slices).ok());
    std::string octets;
    for (const grpc::Slice& slice : slices) octets.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
    return octets.size() == 2 && octets[0] == 8 ? octets[1] : -1;  // field 1, varint
  }

  testing::TemporaryFolder folder_;
  testing::FakeClock clock_;
  std::map<std::string, std::set<std::string, std::less<>>> roles_ = {{"admin", {"policy_admin"}},
                                                                      {"hanako", {"sender"}}};
  std::unique_ptr<keys::KeyRing> keys_;
  Authenticator authenticator_;
  PolicyProbe service_;
  config::v1::Rpc config_;
  std::unique_ptr<Server> server_;
  policy::v1::CheckPolicyResponse response_;
};

TEST_F(ServerTest, LetsInWhoHasTheRoleNow) {
  Start();
  EXPECT_TRUE(Check(TokenOf("admin")).ok());
  EXPECT_EQ(response_.version(), "admin");
  EXPECT_EQ(Check(TokenOf("hanako")).error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(Check(TokenOf("stranger")).error_code(), grpc::StatusCode::UNAUTHENTICATED);
  for (const char* wrong : {"", "Bearer ", "Bearer x", "Basic YWRtaW46", "bearer"}) {
    EXPECT_EQ(Check(wrong).error_code(), grpc::StatusCode::UNAUTHENTICATED) << wrong;
  }
  const std::string token = TokenOf("admin");
  roles_["admin"] = {"sender"};
  EXPECT_EQ(Check(token).error_code(), grpc::StatusCode::PERMISSION_DENIED) << "the token carries no roles";
  roles_["admin"] = {"policy_admin"};
  clock_.Advance(std::chrono::hours(1));
  EXPECT_EQ(Check(token).error_code(), grpc::StatusCode::UNAUTHENTICATED) << "expired";
}

TEST_F(ServerTest, AMethodOutsideTheTableIsForNobody) {
  Start();
  roles_["admin"] = {"sender", "approver", "policy_admin", "security_officer", "auditor", "operator"};
  const auto stub = policy::v1::PolicyService::NewStub(server_->InProcessChannel());
  grpc::ClientContext context;
  context.AddMetadata("authorization", TokenOf("admin"));
  policy::v1::GetPolicyVersionResponse response;
  EXPECT_EQ(stub->GetPolicyVersion(&context, policy::v1::GetPolicyVersionRequest(), &response).error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
}

TEST_F(ServerTest, AMessageOverTheLimitIsRefused) {
  Start();
  EXPECT_TRUE(Check(TokenOf("admin"), kMaxUnaryOctets - 1000).ok());
  EXPECT_EQ(Check(TokenOf("admin"), kMaxUnaryOctets + 1).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(ServerTest, HealthSaysWhatItIsTold) {
  Start();
  server_->SetServing(false);
  EXPECT_EQ(Health(), 2);  // NOT_SERVING
  server_->SetServing(true);
  EXPECT_EQ(Health(), 1);  // SERVING
}

TEST_F(ServerTest, TlsServesTlsOnly) {
  UseTls();
  Start();
  std::ifstream in(kKeys / "demo-ca.pem");
  std::ostringstream pem;
  pem << in.rdbuf();
  grpc::SslCredentialsOptions trust;
  trust.pem_root_certs = pem.str();
  EXPECT_TRUE(CheckOn(grpc::CreateChannel(Target(), grpc::SslCredentials(trust)), TokenOf("admin")).ok());
  EXPECT_EQ(Check(TokenOf("admin")).error_code(), grpc::StatusCode::UNAVAILABLE) << "in the clear";
  EXPECT_EQ(CheckOn(grpc::CreateChannel(Target(), grpc::SslCredentials({})), TokenOf("admin")).error_code(),
            grpc::StatusCode::UNAVAILABLE)
      << "a CA that the caller doesn't trust";
}

TEST_F(ServerTest, TheLibrarysComplaintsAreLinesOfOurLog) {
  ASSERT_TRUE(observe::OpenLog("info", folder_ / "log").ok());
  Start();
  gpr_log(GPR_ERROR, "something of %s", "the library");
  std::ifstream in(folder_ / "log");
  std::string line;
  ASSERT_TRUE(std::getline(in, line));
  EXPECT_EQ(line.front(), '{') << line;
  EXPECT_NE(line.find("\"event\":\"rpc.library\""), std::string::npos) << line;
}

TEST_F(ServerTest, WhoHasNoCertificateStaysOutWhereOneIsAskedFor) {
  const TimePoint now = std::chrono::time_point_cast<TimePoint::duration>(std::chrono::system_clock::now());
  const TimePoint from = now - std::chrono::hours(1), until = now + std::chrono::hours(1);
  const testing::TestCa ca("clients", from, until), others("others", from, until);
  std::ofstream(folder_ / "clients.pem") << ca.certificate_pem();
  UseTls();
  config_.mutable_tls()->set_client_ca_file(folder_ / "clients.pem");
  Start();
  std::ifstream in(kKeys / "demo-ca.pem");
  std::ostringstream pem;
  pem << in.rdbuf();
  const auto with_certificate_of = [&](const testing::TestCa* issuer) {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = pem.str();
    if (issuer != nullptr) {
      testing::CertificateRequest request;
      request.extended_key_usage = "clientAuth";
      request.not_before = from;
      request.not_after = until;
      const auto client = issuer->Issue(request);
      options.pem_cert_chain = client.certificate_pem;
      options.pem_private_key = client.key_pem;
    }
    return CheckOn(grpc::CreateChannel(Target(), grpc::SslCredentials(options)), TokenOf("admin")).error_code();
  };
  EXPECT_EQ(with_certificate_of(&ca), grpc::StatusCode::OK);
  EXPECT_EQ(with_certificate_of(&others), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(with_certificate_of(nullptr), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(ServerTest, SaysWhatItCannotHave) {
  Start();
  config_.set_address("127.0.0.1:" + std::to_string(server_->port()));
  EXPECT_EQ(Server::Start(config_, {&service_}).error().code, Code::kUnavailable);
  config_.set_address("127.0.0.1:0");
  UseTls();
  std::filesystem::permissions(folder_ / "server.key", std::filesystem::perms(0640));
  EXPECT_EQ(Server::Start(config_, {&service_}).error().code, Code::kPermission);
  config_.mutable_tls()->set_certificate_file("absent.pem");
  EXPECT_EQ(Server::Start(config_, {&service_}).error().code, Code::kNotFound);
}

}  // namespace
}  // namespace sekisho::rpc
