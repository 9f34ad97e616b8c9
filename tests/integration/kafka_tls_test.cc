// A broker that speaks TLS: it checks our certificate, or our name and password; we check its certificate.

#include <fstream>

#include "shared/testing/pki.h"
#include "tests/integration/kafka_harness.h"

namespace sekisho::bus {
namespace {

class KafkaTlsTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    const TimePoint now = SystemClock().Now();
    pki_ = new Pki(now);
    testing::CertificateRequest server = pki_->Request("localhost");
    server.hosts = {"localhost"};
    server.extended_key_usage = "serverAuth";
    const auto issued = pki_->brokers.Issue(server);
    broker_ = new testing::KafkaBroker(testing::KafkaBroker::Tls{issued.certificate_pem, issued.key_pem,
                                                                 pki_->clients.certificate_pem(), "intake", "sesame"});
  }
  static void TearDownTestSuite() {
    delete broker_;
    delete pki_;
  }

  KafkaTlsTest() {
    store::SqliteOptions sqlite;
    sqlite.folder = folder_.path();
    database_ = *store::OpenSqlite(sqlite);
    options_.topics = {true, 1, 1, 1, std::chrono::hours(24)};
    options_.prefix = FreshPrefix() + "tls";
    options_.schemas = {"intake"};
    options_.connection.ca_file = Write("ca.pem", pki_->brokers.certificate_pem());
  }
  ~KafkaTlsTest() override { database_->Stop(); }

  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
    return folder_ / name;
  }
  void UseCertificateOf(const testing::TestCa& ca) {
    testing::CertificateRequest request = pki_->Request("intake");
    request.extended_key_usage = "clientAuth";
    const auto issued = ca.Issue(request);
    options_.connection.servers = broker_->mutual_tls_servers();
    options_.connection.certificate_file = Write("client.pem", issued.certificate_pem);
    options_.connection.key_file = Write("client.key", issued.key_pem);
  }
  void UsePassword(const std::string& password) {
    options_.connection.servers = broker_->sasl_servers();
    options_.connection.user = "intake";
    options_.connection.password = Secret<std::string>(password);
  }
  // Sends one record round; or the error of who waits for it.
  Status RoundTrip() {
    SEKISHO_TRY(const auto bus, OpenKafka(*database_, options_));
    const Message message = MakeMessage("");
    SEKISHO_RETURN_IF_ERROR(
        database_->RunAndWait([&](store::Tx& tx) { return bus->Append(tx, "intake", Topic::kSubmitted, message); }));
    SEKISHO_TRY(const auto consumer, bus->Subscribe(Topic::kSubmitted, "policy"));
    SEKISHO_TRY(const auto records, consumer->Fetch(1, std::chrono::seconds(30)));
    if (records.empty()) return MakeError(Code::kTimeout, "nothing came");
    return Ok();
  }

  struct Pki {
    explicit Pki(TimePoint time)
        : now(time),
          brokers("Brokers", now - std::chrono::hours(1), now + std::chrono::hours(1)),
          clients("Clients", now - std::chrono::hours(1), now + std::chrono::hours(1)),
          strangers("Strangers", now - std::chrono::hours(1), now + std::chrono::hours(1)) {}
    testing::CertificateRequest Request(const std::string& name) const {
      testing::CertificateRequest request;
      request.common_name = request.key_name = name;
      request.not_before = now - std::chrono::hours(1);
      request.not_after = now + std::chrono::hours(1);
      return request;
    }
    const TimePoint now;
    const testing::TestCa brokers, clients, strangers;
  };
  static inline Pki* pki_ = nullptr;
  static inline testing::KafkaBroker* broker_ = nullptr;

  testing::TemporaryFolder folder_;
  std::unique_ptr<store::Database> database_;
  KafkaOptions options_;
};

TEST_F(KafkaTlsTest, KnowsUsByOurCertificate) {
  UseCertificateOf(pki_->clients);
  const Status status = RoundTrip();
  EXPECT_TRUE(status.ok()) << status.error().ToString();
}

TEST_F(KafkaTlsTest, KnowsUsByOurPassword) {
  UsePassword("sesame");
  const Status status = RoundTrip();
  EXPECT_TRUE(status.ok()) << status.error().ToString();
}

TEST_F(KafkaTlsTest, NothingPassesWithAStrangersCertificate) {
  UseCertificateOf(pki_->strangers);
  const Status status = RoundTrip();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, Code::kUnavailable);
}

TEST_F(KafkaTlsTest, NothingPassesWithAWrongPassword) {
  UsePassword("sesam");
  EXPECT_FALSE(RoundTrip().ok());
}

TEST_F(KafkaTlsTest, NothingGoesToABrokerWhoseCertificateIsNotTheClusters) {
  UsePassword("sesame");
  options_.connection.ca_file = Write("strangers.pem", pki_->strangers.certificate_pem());
  EXPECT_FALSE(RoundTrip().ok());
}

TEST_F(KafkaTlsTest, NothingGoesToABrokerOfAnotherName) {
  UsePassword("sesame");
  options_.connection.servers.replace(0, std::string("localhost").size(), "127.0.0.1");
  EXPECT_FALSE(RoundTrip().ok());
}

}  // namespace
}  // namespace sekisho::bus
