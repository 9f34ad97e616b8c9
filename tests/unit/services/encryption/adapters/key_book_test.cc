#include "services/encryption/adapters/key_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "shared/rpc/server.h"
#include "tests/unit/services/encryption/encryption_world.h"

namespace sekisho::encryption {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace std::chrono_literals;
constexpr auto kDay = std::chrono::days(1);

class KeyBookTest : public ::testing::Test {
 protected:
  // A book as of a new start of the process.
  Status Open() {
    book_ = std::make_unique<KeyBook>(world_.config.encryption(), *world_.around);
    return book_->Open();
  }
  void MustOpen() {
    const Status opened = Open();
    ASSERT_TRUE(opened.ok()) << opened.error().detail;
  }
  TimePoint Now() const { return world_.clock.Now(); }
  std::string Found(const std::string& address) {
    const auto found = book_->FindFor(address, Now());
    return found.ok() ? found->fingerprint() : found.error().detail;
  }
  std::string Refusal(const std::string& pem, const std::string& address = "") {
    const auto imported = book_->Import(pem, address);
    if (imported.ok()) return "";
    EXPECT_EQ(imported.error().code, Code::kInvalid);
    return imported.error().detail;
  }

  EncryptionWorld world_;
  std::unique_ptr<KeyBook> book_;
};

TEST_F(KeyBookTest, FindsWhatWasImportedAlsoAfterARestart) {
  const Person suzuki = MakePerson("suzuki@partner.example");
  MustOpen();
  const auto imported = book_->Import(suzuki.issued.certificate_pem, "");
  ASSERT_TRUE(imported.ok()) << imported.error().detail;
  EXPECT_TRUE(imported->usable());
  EXPECT_EQ(imported->algorithm(), "P-256");
  EXPECT_THAT(imported->addresses(), ElementsAre("suzuki@partner.example"));
  EXPECT_EQ(Found("Suzuki@Partner.EXAMPLE"), suzuki.certificate.fingerprint());
  MustOpen();
  EXPECT_EQ(Found("suzuki@partner.example"), suzuki.certificate.fingerprint());
  EXPECT_EQ(Found("tanaka@partner.example"), "there is no certificate of this recipient");
}

TEST_F(KeyBookTest, ImportedTwiceIsOneCertificate) {
  const Person suzuki = MakePerson("suzuki@partner.example");
  MustOpen();
  for (int i = 0; i < 2; ++i) EXPECT_EQ(Refusal(suzuki.issued.certificate_pem), "");
  EXPECT_EQ(book_->List("").size(), 1u);
  EXPECT_EQ(world_.Rows("certificate"), 1u);
}

TEST_F(KeyBookTest, AnInternationalDomainIsFoundInBothForms) {
  MustOpen();
  const Person person = MakePerson("suzuki@xn--r8jz45g.jp");
  EXPECT_EQ(Refusal(person.issued.certificate_pem), "");
  EXPECT_EQ(Found("suzuki@例え.jp"), person.certificate.fingerprint());
}

TEST_F(KeyBookTest, RefusesWhatCannotBeUsedAndSaysWhy) {
  MustOpen();
  const TimePoint now = Now();
  EXPECT_THAT(Refusal(MakePerson("a@one.example", "P-256", kFrom, now - kDay).issued.certificate_pem),
              HasSubstr("expired"));
  EXPECT_THAT(Refusal(MakePerson("a@one.example", "P-256", now + kDay, kUntil).issued.certificate_pem),
              HasSubstr("valid only from"));
  testing::CertificateRequest request;
  request.addresses = {"a@one.example"};
  request.key_usage = "critical,digitalSignature";
  EXPECT_THAT(Refusal(MakePerson(request).issued.certificate_pem), HasSubstr("signing only"));
  request = {};
  request.addresses = {"a@one.example"};
  request.extended_key_usage = "serverAuth";
  EXPECT_THAT(Refusal(MakePerson(request).issued.certificate_pem), HasSubstr("emailProtection"));
  const testing::TestCa stranger("stranger", kFrom, kUntil);
  request.extended_key_usage = "emailProtection";
  EXPECT_THAT(Refusal(MakePerson(request, stranger).issued.certificate_pem), HasSubstr("trusted CA"));
  EXPECT_THAT(Refusal(MakePerson("a@one.example", "RSA-1024").issued.certificate_pem), HasSubstr("weak"));
  EXPECT_THAT(Refusal("rubbish"), HasSubstr("not a certificate"));
  EXPECT_THAT(Refusal(MakePerson("a@one.example").issued.certificate_pem, "b@one.example"),
              HasSubstr("another address"));
  EXPECT_TRUE(book_->List("").empty());
  EXPECT_EQ(world_.Rows("certificate"), 0u);
}

TEST_F(KeyBookTest, AChainThatIsImportedWithItIsKept) {
  const testing::TestCa middle("middle", kFrom, kUntil, &Root());
  testing::CertificateRequest request;
  request.addresses = {"a@one.example"};
  const Person person = MakePerson(request, middle);
  MustOpen();
  EXPECT_THAT(Refusal(person.issued.certificate_pem), HasSubstr("trusted CA"));
  EXPECT_EQ(Refusal(person.issued.certificate_pem + middle.certificate_pem()), "");
  MustOpen();
  EXPECT_EQ(Found("a@one.example"), person.certificate.fingerprint());
}

TEST_F(KeyBookTest, ACertificateWithoutAnAddressIsGivenOnes) {
  const Person nobody = MakePerson(testing::CertificateRequest());
  MustOpen();
  EXPECT_THAT(Refusal(nobody.issued.certificate_pem), HasSubstr("--address"));
  EXPECT_THAT(Refusal(nobody.issued.certificate_pem, "partner.example"), HasSubstr("isn't one"));
  EXPECT_EQ(Refusal(nobody.issued.certificate_pem, "a@one.example"), "");
  EXPECT_EQ(Refusal(nobody.issued.certificate_pem, "b@one.example"), "");
  for (int restarts = 0; restarts < 2; ++restarts) {
    EXPECT_EQ(Found("a@one.example"), nobody.certificate.fingerprint());
    EXPECT_EQ(Found("b@one.example"), nobody.certificate.fingerprint());
    EXPECT_EQ(book_->List("a@one.example").at(0).addresses_size(), 2);
    MustOpen();
  }
}

TEST_F(KeyBookTest, TheNewestUsableOfSeveralIsUsed) {
  const Person old = MakePerson("a@one.example", "P-256", kFrom, kUntil);
  const Person current = MakePerson("a@one.example", "P-256", Now() - kDay, Now() + 10 * kDay);
  MustOpen();
  EXPECT_EQ(Refusal(current.issued.certificate_pem), "");
  EXPECT_EQ(Refusal(old.issued.certificate_pem), "");
  EXPECT_EQ(Found("a@one.example"), current.certificate.fingerprint());
  world_.clock.Advance(11 * kDay);
  EXPECT_EQ(Found("a@one.example"), old.certificate.fingerprint());
}

TEST_F(KeyBookTest, AnEndIsNoticedAtUseThoughItWasCheckedBefore) {
  MustOpen();
  EXPECT_EQ(Refusal(MakePerson("a@one.example", "P-256", kFrom, Now() + kDay).issued.certificate_pem), "");
  EXPECT_EQ(book_->EarliestExpiry(), std::chrono::floor<std::chrono::seconds>(Now() + kDay));
  world_.clock.Advance(2 * kDay);
  EXPECT_THAT(Found("a@one.example"), HasSubstr("expired"));
  const auto listed = book_->List("A@one.example");
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_FALSE(listed[0].usable());
  EXPECT_THAT(listed[0].problem(), HasSubstr("expired"));
}

TEST_F(KeyBookTest, APartnersExpiredFileDoesNotKeepUsFromStarting) {
  world_.config.mutable_encryption()->add_certificate_files(
      world_.Write("a.pem", MakePerson("a@one.example", "P-256", kFrom, Now() - kDay).issued.certificate_pem));
  MustOpen();
  EXPECT_THAT(Found("a@one.example"), HasSubstr("expired"));
}

TEST_F(KeyBookTest, OurOwnExpiredCertificateStopsOnlyWhatNeedsIt) {
  const Person organization = MakePerson("security@example.jp", "P-256", kFrom, Now() - kDay);
  world_.GiveSigner(organization);
  MustOpen();
  const crypto::CmsSigner* signer = book_->SignerFor("hanako@example.jp");
  ASSERT_NE(signer, nullptr);  // none would mean: encrypt without a signature
  EXPECT_FALSE(signer->Sign("x", Now()).ok());
  EXPECT_LT(book_->EarliestExpiry(), Now());
}

TEST_F(KeyBookTest, FilesThatCannotBeReadKeepUsFromStartingAndAreNamed) {
  auto& config = *world_.config.mutable_encryption();
  config.add_certificate_files(world_.Write("broken.pem", "rubbish"));
  EXPECT_THAT(Open().error().detail, HasSubstr("broken.pem"));
  config.clear_certificate_files();
  world_.GiveSigner(MakePerson("security@example.jp"));
  config.mutable_organization_signer()->set_certificate_file(
      world_.Write("other.pem", MakePerson("other@example.jp").issued.certificate_pem));
  EXPECT_THAT(Open().error().detail, HasSubstr("other.pem"));
  config.clear_organization_signer();
  config.add_agreed_passwords()->set_recipient("one.example");
  config.mutable_agreed_passwords(0)->set_password_file(world_.Write("short", "hunter2"));
  EXPECT_THAT(Open().error().detail, HasSubstr("short: an agreed password has 12"));
}

TEST_F(KeyBookTest, AUsersOwnSignerGoesBeforeTheOrganisations) {
  const Person organization = MakePerson("security@example.jp"), hanako = MakePerson("hanako@example.jp");
  MustOpen();
  EXPECT_EQ(book_->SignerFor("hanako@example.jp"), nullptr);
  world_.GiveSigner(organization);
  auto& own = *world_.config.mutable_encryption()->add_user_signers();
  own.set_address("Hanako@example.jp");
  own.set_certificate_file(world_.Write("hanako.pem", hanako.issued.certificate_pem));
  own.set_key_file(world_.Write("hanako.key", hanako.issued.key_pem));
  MustOpen();
  EXPECT_EQ(book_->SignerFor("hanako@example.jp")->certificate().fingerprint(), hanako.certificate.fingerprint());
  EXPECT_EQ(book_->SignerFor("jiro@example.jp")->certificate().fingerprint(), organization.certificate.fingerprint());
}

TEST_F(KeyBookTest, APasswordIsAgreedWithAnAddressElseWithItsDomain) {
  MustOpen();
  const auto domain = book_->Agree("One.example", Secret<std::string>(std::string("agreed-with-all")));
  const auto address = book_->Agree("a@one.example", Secret<std::string>(std::string("agreed-with-one")));
  ASSERT_TRUE(domain.ok() && address.ok());
  for (int restarts = 0; restarts < 2; ++restarts) {
    EXPECT_EQ(book_->AgreedFor({"A@one.example"})->password.Reveal(), "agreed-with-one");
    EXPECT_EQ(book_->AgreedFor({"b@one.example", "c@ONE.example"})->password.Reveal(), "agreed-with-all");
    EXPECT_EQ(book_->AgreedFor({"b@one.example"})->id, *domain);
    // One password must open it for everyone.
    EXPECT_FALSE(book_->AgreedFor({"a@one.example", "b@one.example"}).has_value());
    EXPECT_FALSE(book_->AgreedFor({"b@one.example", "d@two.example"}).has_value());
    EXPECT_FALSE(book_->AgreedFor({"d@sub.one.example"}).has_value());
    EXPECT_FALSE(book_->AgreedFor({}).has_value());
    MustOpen();
  }
  EXPECT_TRUE(book_->Agree("one.example", Secret<std::string>(std::string("agreed-anew-later"))).ok());
  EXPECT_EQ(world_.Rows("agreed_password"), 2u);
  MustOpen();
  EXPECT_EQ(book_->AgreedFor({"b@one.example"})->password.Reveal(), "agreed-anew-later");
}

// Another replica's book, over the same database.
TEST_F(KeyBookTest, WhatOneReplicaIsGivenTheOthersKnow) {
  MustOpen();
  if (world_.database->sole_process()) return;  // there can be no other
  KeyBook other(world_.config.encryption(), *world_.around);
  ASSERT_TRUE(other.Open().ok());
  const Person suzuki = MakePerson("suzuki@partner.example");
  ASSERT_TRUE(other.Import(suzuki.issued.certificate_pem, "").ok());
  ASSERT_TRUE(other.Agree("one.example", Secret<std::string>(std::string("agreed-with-all"))).ok());
  ASSERT_TRUE(book_->Refresh().ok());
  EXPECT_EQ(Found("suzuki@partner.example"), suzuki.certificate.fingerprint());
  EXPECT_EQ(book_->AgreedFor({"b@one.example"})->password.Reveal(), "agreed-with-all");
  // Neither forgets what the other one added to the same row.
  const Person nobody = MakePerson(testing::CertificateRequest());
  ASSERT_TRUE(other.Import(nobody.issued.certificate_pem, "a@one.example").ok());
  ASSERT_TRUE(book_->Import(nobody.issued.certificate_pem, "b@one.example").ok());
  ASSERT_TRUE(other.Import(nobody.issued.certificate_pem, "c@one.example").ok());
  MustOpen();
  EXPECT_EQ(book_->List("a@one.example").at(0).addresses_size(), 3);
}

TEST_F(KeyBookTest, AWeakOrUnopenablePasswordIsNotAgreed) {
  MustOpen();
  for (const char* password :
       {"", "hunter2", "elevenchars", "has a space in", "パスワードです長い", "two\nlines-long"}) {
    const auto agreed = book_->Agree("one.example", Secret<std::string>(std::string(password)));
    ASSERT_FALSE(agreed.ok()) << password;
    EXPECT_EQ(agreed.error().code, Code::kInvalid);
    EXPECT_EQ(agreed.error().detail,
              book_->Agree("one.example", Secret<std::string>(std::string("x"))).error().detail);  // it isn't quoted
  }
  for (const char* recipient : {"", "@one.example", "a@", "a b.example", "one.example\nx"}) {
    EXPECT_FALSE(book_->Agree(recipient, Secret<std::string>(std::string("long-enough-12"))).ok()) << recipient;
  }
}

class EncryptionRpcTest : public KeyBookTest {
 protected:
  void Serve() {
    world_.config.mutable_rpc()->set_address("127.0.0.1:0");
    ASSERT_TRUE(world_.Start().ok());
    auto server = rpc::Server::Start(world_.config.rpc(), world_.app->rpcs());
    ASSERT_TRUE(server.ok()) << server.error().detail;
    server_ = *std::move(server);
    stub_ = v1::EncryptionService::NewStub(server_->InProcessChannel());
  }
  ~EncryptionRpcTest() override {
    if (server_) server_->Stop(5s);
  }
  std::unique_ptr<grpc::ClientContext> As(const std::string& role) {
    auto context = std::make_unique<grpc::ClientContext>();
    context->AddMetadata("authorization",
                         "Bearer " + world_.authenticator->tokens().Issue(role + "@example.jp")->token);
    return context;
  }
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<v1::EncryptionService::Stub> stub_;
};

TEST_F(EncryptionRpcTest, ASecurityOfficerImportsListsAndAgrees) {
  Serve();
  v1::ImportCertificateRequest import;
  import.set_certificate(MakePerson("a@one.example").issued.certificate_pem);
  v1::ImportCertificateResponse imported;
  EXPECT_TRUE(stub_->ImportCertificate(As("security_officer").get(), import, &imported).ok());
  EXPECT_TRUE(imported.certificate().usable());
  v1::ListCertificatesResponse listed;
  EXPECT_TRUE(stub_->ListCertificates(As("auditor").get(), v1::ListCertificatesRequest(), &listed).ok());
  EXPECT_EQ(listed.certificates_size(), 1);
  v1::SetAgreedPasswordRequest agree;
  agree.set_recipient("one.example");
  agree.set_password("long-enough-12");
  v1::SetAgreedPasswordResponse agreed;
  EXPECT_TRUE(stub_->SetAgreedPassword(As("security_officer").get(), agree, &agreed).ok());
  EXPECT_FALSE(agreed.id().empty());
}

TEST_F(EncryptionRpcTest, OthersMayNot) {
  Serve();
  v1::ImportCertificateResponse imported;
  v1::ListCertificatesResponse listed;
  v1::SetAgreedPasswordResponse agreed;
  for (const char* role : {"sender", "policy_admin", "operator"}) {
    EXPECT_EQ(stub_->ImportCertificate(As(role).get(), {}, &imported).error_code(),
              grpc::StatusCode::PERMISSION_DENIED);
    EXPECT_EQ(stub_->ListCertificates(As(role).get(), {}, &listed).error_code(), grpc::StatusCode::PERMISSION_DENIED);
    EXPECT_EQ(stub_->SetAgreedPassword(As(role).get(), {}, &agreed).error_code(), grpc::StatusCode::PERMISSION_DENIED);
  }
  grpc::ClientContext nobody;
  EXPECT_EQ(stub_->ListCertificates(&nobody, {}, &listed).error_code(), grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(EncryptionRpcTest, ARefusedCertificateSaysWhy) {
  Serve();
  v1::ImportCertificateRequest import;
  import.set_certificate(MakePerson("a@one.example", "P-256", kFrom, Now() - kDay).issued.certificate_pem);
  v1::ImportCertificateResponse imported;
  const grpc::Status status = stub_->ImportCertificate(As("security_officer").get(), import, &imported);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("expired"));
  EXPECT_THAT(status.error_details(), HasSubstr("CERTIFICATE_REFUSED"));
}

}  // namespace
}  // namespace sekisho::encryption
