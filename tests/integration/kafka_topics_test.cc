// What a start says of topics that are not as they must be, and of settings that can't work.

#include "tests/integration/kafka_harness.h"

namespace sekisho::bus {
namespace {

class KafkaTopicsTest : public ::testing::Test {
 protected:
  KafkaTopicsTest() {
    store::SqliteOptions sqlite;
    sqlite.folder = folder_.path();
    database_ = *store::OpenSqlite(sqlite);
  }
  ~KafkaTopicsTest() override { database_->Stop(); }

  Error OpenError(const KafkaOptions& options) {
    const auto bus = OpenKafka(*database_, options);
    if (bus.ok()) return MakeError(Code::kInternal, "it opened");
    return bus.error();
  }

  testing::TemporaryFolder folder_;
  std::unique_ptr<store::Database> database_;
};

TEST_F(KafkaTopicsTest, AbsentTopicsAreNamedWhenTheyMayNotBeMade) {
  KafkaOptions options = OptionsFor(FreshPrefix());
  options.topics.create = false;
  const Error error = OpenError(options);
  EXPECT_EQ(error.code, Code::kPrecondition);
  EXPECT_NE(error.detail.find(options.prefix + ".journal.v1 does not exist"), std::string::npos) << error.detail;
}

TEST_F(KafkaTopicsTest, TopicsThatAreNotAsTheyMustBeAreRefusedWithTheRemedy) {
  KafkaOptions options = OptionsFor(FreshPrefix(), 2);
  ASSERT_TRUE(OpenKafka(*database_, options).ok());
  ASSERT_TRUE(OpenKafka(*database_, options).ok()) << "they are there already, and as they must be";
  options.topics.partitions = 3;
  options.topics.replication = 2;
  options.topics.min_insync = 2;
  options.topics.retention = std::chrono::hours(23);
  const Error error = OpenError(options);
  EXPECT_EQ(error.code, Code::kPrecondition);
  for (const char* part :
       {"partitions is 2, must be at least 3", "replication factor is 1, must be at least 2",
        "min.insync.replicas is 1, must be at least 2", "retention.ms is 86400000, must be 82800000 at most"}) {
    EXPECT_NE(error.detail.find(part), std::string::npos) << part << " is not in: " << error.detail;
  }
}

TEST_F(KafkaTopicsTest, SettingsThatCannotWorkAreRefused) {
  KafkaOptions options = OptionsFor(FreshPrefix());
  options.connection.user = "intake";
  EXPECT_EQ(OpenError(options).code, Code::kInvalid) << "a password in clear";
  options.connection.ca_file = "/etc/ssl/certs/ca-certificates.crt";
  options.connection.mechanism = "GSSAPI";
  EXPECT_EQ(OpenError(options).code, Code::kInvalid);
  options = OptionsFor(FreshPrefix());
  options.connection.certificate_file = "/nowhere";
  EXPECT_EQ(OpenError(options).code, Code::kInvalid) << "a certificate without a key";
  options = OptionsFor(FreshPrefix());
  options.shards = 0;
  EXPECT_EQ(OpenError(options).code, Code::kInvalid);
}

}  // namespace
}  // namespace sekisho::bus
