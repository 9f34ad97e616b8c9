#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "sekisho/config/v1/config.pb.h"
#include "sekisho/policy/v1/policy.pb.h"
#include "shared/config/loader.h"
#include "shared/config/sekisho.h"
#include "shared/testing/temporary_folder.h"

namespace sekisho::config {
namespace {

std::string Problems(std::string_view yaml, google::protobuf::Message& message) {
  SourceMap source;
  std::string all;
  for (const Problem& problem : Load(yaml, "f.yaml", message, source)) all += problem.ToString() + "\n";
  return all;
}

std::string ConfigProblems(std::string_view yaml) {
  v1::Config config;
  return Problems(yaml, config);
}

TEST(LoaderTest, ReadsTypesAsPeopleWriteThem) {
  v1::Config config;
  EXPECT_EQ(Problems("organization: {id: example, domains: [example.jp, \"123\"]}\n"
                     "storage: {small_content: 256KiB}\n"
                     "keys: {create: true}\n"
                     "intake:\n"
                     "  content_retention: 7d\n"
                     "  limits: {message_size: 50 MiB, recipients: 500}\n"
                     "  listeners:\n"
                     "    - {name: s, kind: submission}\n"
                     "policy: {pattern_budget: 100ms}\n",
                     config),
            "");
  EXPECT_EQ(config.organization().domains(1), "123");
  EXPECT_EQ(config.storage().small_content(), 256u * 1024);
  EXPECT_EQ(config.intake().limits().message_size(), 50u << 20);
  EXPECT_EQ(config.intake().content_retention().seconds(), 7 * 86400);
  EXPECT_EQ(config.policy().pattern_budget().nanos(), 100'000'000);
  EXPECT_EQ(config.intake().listeners(0).kind(), v1::SmtpListener::SUBMISSION);
  EXPECT_TRUE(config.keys().create());
}

struct Wrong {
  const char* yaml;
  const char* says;
};

TEST(LoaderTest, NamesThePlaceAndTheRemedy) {
  for (const Wrong& wrong : std::initializer_list<Wrong>{
           {"intake:\n  listners: []\n", "f.yaml:2:3: intake.listners: is not a key here; did you mean 'listeners'?\n"},
           {"keys: {create: yes}\n", "f.yaml:1:16: keys.create: must be true or false\n"},
           {"keys: 3\n", "f.yaml:1:7: keys: must be keys with values, like 'key: value'\n"},
           {"organization:\n  domains: example.jp\n",
            "f.yaml:2:12: organization.domains: must be a list, like [a, b]\n"},
           {"intake: {content_retention: 7}\n",
            "f.yaml:1:29: intake.content_retention: '7' is not a duration; write it like 90s, 3m, 1h30m, 5d\n"},
           {"intake: {limits: {recipients: many}}\n",
            "f.yaml:1:31: intake.limits.recipients: 'many' is not a number that fits here; write it like 100 or "
            "50MiB\n"},
           {"intake: {limits: {recipients: 5000000000}}\n",
            "f.yaml:1:31: intake.limits.recipients: '5000000000' is not a number that fits here; write it like 100 or "
            "50MiB\n"},
           {"intake: {limits: {recipients: -1}}\n",
            "f.yaml:1:31: intake.limits.recipients: '-1' is not a number that fits here; write it like 100 or 50MiB\n"},
           {"intake: {listeners: [{kind: submision}]}\n",
            "f.yaml:1:29: intake.listeners[0].kind: 'submision' is not known here; did you mean 'SUBMISSION'?\n"},
           {"intake: {listeners: [{kind: kind_unspecified}]}\n",
            "f.yaml:1:29: intake.listeners[0].kind: 'kind_unspecified' is not known here; known: SUBMISSION, "
            "SUBMISSIONS, RELAY\n"},
           {"log: {level: info}\nlog: {level: debug}\n", "f.yaml:2:1: log: is given twice; keep one\n"},
           {"log: &a {level: info}\n",
            "f.yaml:1:6: anchors and aliases (& and *) are not allowed; write the value out\n"},
       }) {
    EXPECT_EQ(ConfigProblems(wrong.yaml), wrong.says) << wrong.yaml;
  }
  EXPECT_NE(ConfigProblems("a: [1, 2\n").find("is not YAML"), std::string::npos);
  EXPECT_NE(ConfigProblems("--- {}\n--- {}\n").find("second document"), std::string::npos);
}

TEST(LoaderTest, AProblemIsOneShortLine) {
  const std::string all = ConfigProblems("\"a\\nb\": 1\nintake: {content_retention: \"3\\nm\"}\n? [x, y]\n: 1\n");
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 3) << all;
  EXPECT_NE(all.find("a key must be one word"), std::string::npos);
  EXPECT_LT(ConfigProblems(std::string(100'000, 'k') + ": 1\n").size(), 1000u);
}

TEST(LoaderTest, TellsAHundredProblemsAndNoMore) {
  std::string yaml;
  for (int i = 0; i < 5000; ++i) yaml += "unknown" + std::to_string(i) + ": 1\n";
  const std::string all = ConfigProblems(yaml);
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 100);
}

TEST(LoaderTest, TellsEveryProblemAtOnce) {
  const std::string all = ConfigProblems("keyz: {}\nlog: {level: [1]}\nrpc: {reflection: 2}\n");
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 3) << all;
}

TEST(LoaderTest, AOneofTakesOneOfThem) {
  policy::v1::PolicyDocument document;
  EXPECT_EQ(Problems("rules:\n  - then: {hold_for: 3m, confirm: true}\n", document),
            "f.yaml:2:35: rules[0].then.confirm: excludes 'hold_for', which is given too; keep one\n");
}

TEST(LoaderTest, DeepNestingIsRefusedNotFollowed) {
  std::string deep;
  for (int i = 0; i < 10'000; ++i) deep += "[";
  EXPECT_NE(ConfigProblems("a: " + deep), "");
  std::string when = "rules: [{when: ";
  for (int i = 0; i < 100; ++i) when += "{not: ";
  when += "{}";
  for (int i = 0; i < 100; ++i) when += "}";
  policy::v1::PolicyDocument document;
  EXPECT_NE(Problems(when + "}]", document).find("nested deeper"), std::string::npos);
}

TEST(LoaderTest, AFileOfMoreValuesThanMemoryIsForIsRefused) {
  EXPECT_EQ(ConfigProblems(std::string(300'000, '[')), "f.yaml: has more than 200000 brackets\n");
  std::string yaml = "a:\n";
  for (int i = 0; i < 400'001; ++i) yaml += "- b\n";
  EXPECT_NE(ConfigProblems(yaml).find("has more than 400000 values"), std::string::npos);
  EXPECT_NE(ConfigProblems(std::string(kMaxFileOctets + 1, '#')).find("is larger than"), std::string::npos);
}

TEST(LoaderTest, AnEmptyFileIsAllDefaults) { EXPECT_EQ(ConfigProblems("# nothing\n"), ""); }

TEST(LoaderTest, PlacesAreFoundByPath) {
  policy::v1::PolicyDocument document;
  SourceMap source;
  ASSERT_TRUE(
      Load("rules:\n  - id: a\n  - id: b\n    when:\n      count: {recipients_over: 3}\n", "f", document, source)
          .empty());
  EXPECT_EQ(source.At("rules[1].id").line, 3);
  EXPECT_EQ(source.At("rules[1].when.count.recipients_over").column, 32);
  EXPECT_EQ(source.At("rules[1].then").line, 3) << "the nearest thing around it";
}

TEST(SecretFileTest, MustNotBeReadByOthers) {
  testing::TemporaryFolder folder;
  const std::string file = folder / "secret";
  { std::ofstream(file) << "correct horse\n"; }
  chmod(file.c_str(), 0644);
  EXPECT_EQ(ReadSecretFile(file).error().code, Code::kPermission);
  chmod(file.c_str(), 0600);
  EXPECT_EQ(*ReadSecretFile(file), "correct horse");
  EXPECT_EQ(ReadSecretFile(folder / "absent").error().code, Code::kNotFound);
}

class SekishoConfigTest : public ::testing::Test {
 protected:
  SekishoConfigTest() {
    for (const char* name : {"directory.yaml", "policy.yaml", "server.pem", "server.key"})
      std::ofstream(folder_ / name) << "\n";
    config_.mutable_organization()->set_id("example");
    config_.mutable_organization()->add_domains("example.jp");
    config_.mutable_storage()->set_folder("var");
    config_.mutable_keys()->set_ring_file("ring");
    config_.set_directory_file(folder_ / "directory.yaml");
    config_.mutable_policy()->set_file(folder_ / "policy.yaml");
    config_.mutable_rpc()->set_address("127.0.0.1:50051");
    auto* listener = config_.mutable_intake()->add_listeners();
    listener->set_name("submission");
    listener->set_address("0.0.0.0:587");
    listener->set_kind(v1::SmtpListener::SUBMISSION);
    listener->mutable_tls()->set_certificate_file(folder_ / "server.pem");
    listener->mutable_tls()->set_key_file(folder_ / "server.key");
  }
  // The paths complained of.
  std::string Paths(std::string_view service = {}) {
    v1::Config config = config_;
    ApplyDefaults(config);
    std::string paths;
    for (const Problem& problem : Check(config, "f.yaml", SourceMap(), service)) paths += problem.path + " ";
    return paths;
  }
  testing::TemporaryFolder folder_;
  v1::Config config_;
};

TEST_F(SekishoConfigTest, AWholeOneIsFine) { EXPECT_EQ(Paths(), ""); }

TEST_F(SekishoConfigTest, WhatIsNotGivenHasItsDefault) {
  config_.mutable_delivery()->mutable_first_retry()->set_seconds(7);
  ApplyDefaults(config_);
  EXPECT_EQ(config_.rpc().token_lifetime().seconds(), 12 * 3600);
  EXPECT_EQ(config_.intake().content_retention().seconds(), 7 * 86400);
  EXPECT_EQ(config_.delivery().give_up_after().seconds(), 5 * 86400);
  EXPECT_EQ(config_.delivery().first_retry().seconds(), 7) << "what is given stays";
  EXPECT_EQ(config_.delivery().lease().seconds(), 60);
  EXPECT_EQ(config_.intake().limits().recipients(), 500u);
}

TEST_F(SekishoConfigTest, ALeaseThatIsOverBeforeItIsRenewedIsRefused) {
  config_.mutable_delivery()->mutable_lease()->set_nanos(999'999'999);
  EXPECT_EQ(Paths(), "delivery.lease ");
}

TEST_F(SekishoConfigTest, LimitsAreThoseOfTheSecurityPage) {
  ApplyDefaults(config_);
  const v1::Limits& limits = config_.intake().limits();
  EXPECT_EQ(limits.message_size(), 50u << 20);
  EXPECT_EQ(limits.mime_depth(), 32u);
  EXPECT_EQ(limits.mime_parts(), 1000u);
  EXPECT_EQ(limits.header_bytes(), 256u << 10);
  EXPECT_EQ(limits.header_field_bytes(), 32u << 10);
  EXPECT_EQ(limits.header_fields(), 1000u);
  EXPECT_EQ(limits.recipients(), 500u);
  EXPECT_EQ(limits.smtp_errors(), 20u);
  EXPECT_EQ(limits.min_bytes_per_second(), 500u);
  EXPECT_EQ(limits.idle().seconds(), 300);
  EXPECT_EQ(limits.received_hops(), 50u);
  EXPECT_EQ(limits.connections(), 1000u);
  EXPECT_EQ(limits.connections_per_address(), 200u);
  EXPECT_EQ(limits.login_failures_per_minute(), 10u);
  EXPECT_EQ(config_.policy().pattern_budget().nanos(), 100'000'000);
}

TEST_F(SekishoConfigTest, DemoLoginsStayOnLoopback) {
  config_.mutable_intake()->mutable_listeners(0)->set_allow_demo_logins(true);
  EXPECT_EQ(Paths(), "intake.listeners[0].address ");
  config_.mutable_intake()->mutable_listeners(0)->set_address("127.0.0.1:5587");
  EXPECT_EQ(Paths(), "");
}

TEST_F(SekishoConfigTest, PasswordsNeedTls) {
  config_.mutable_intake()->mutable_listeners(0)->clear_tls();
  EXPECT_EQ(Paths(), "intake.listeners[0].tls ");
}

TEST_F(SekishoConfigTest, RpcInTheClearStaysOnLoopback) {
  config_.mutable_rpc()->set_address("0.0.0.0:50051");
  EXPECT_EQ(Paths(), "rpc.address ");
}

TEST_F(SekishoConfigTest, ARelayNamesItsHosts) {
  auto* listener = config_.mutable_intake()->add_listeners();
  listener->set_name("relay");
  listener->set_address("[::1]:25");
  listener->set_kind(v1::SmtpListener::RELAY);
  EXPECT_EQ(Paths(), "intake.listeners[1].relay ");
}

TEST_F(SekishoConfigTest, ASmartHostPasswordNeedsVerifiedTls) {
  auto* route = config_.mutable_delivery()->add_routes();
  route->add_domains("*");
  route->set_next_hop("smart.example:587");
  route->set_user("sekisho");
  route->set_password_file(folder_ / "server.key");
  EXPECT_EQ(Paths(), "delivery.routes[0].tls ");
}

TEST_F(SekishoConfigTest, AMountedKeyRingIsNotMade) {
  config_.mutable_keys()->set_mounted(true);
  config_.mutable_keys()->set_create(false);
  EXPECT_EQ(Paths(), "");
  config_.mutable_keys()->set_create(true);
  EXPECT_EQ(Paths(), "keys.create ");
}

TEST_F(SekishoConfigTest, AnEmptyFileSaysAllThatIsRequired) {
  config_.Clear();
  EXPECT_EQ(
      Paths(),
      "organization.id organization.domains storage.folder keys.ring_file directory_file policy.file rpc.address ");
}

class SeparateServicesTest : public SekishoConfigTest {
 protected:
  SeparateServicesTest() {
    for (const char* name : {"secret", "ca.pem"}) std::ofstream(folder_ / name) << "\n";
    config_.clear_storage();
    config_.clear_rpc();
    config_.mutable_storage()->mutable_postgres()->set_conninfo("host=db.example dbname=sekisho");
    v1::S3* s3 = config_.mutable_storage()->mutable_s3();
    s3->set_endpoint("https://objects.example");
    s3->set_bucket("sekisho");
    s3->set_access_key("sekisho");
    s3->set_secret_key_file(folder_ / "secret");
    config_.mutable_bus()->mutable_kafka()->set_servers("kafka-0.example:9093");
    for (const std::string_view name : kServices) {
      v1::Service* service = config_.add_services();
      service->set_name(std::string(name));
      service->set_rpc_address("0.0.0.0:50051");
      service->mutable_tls()->set_certificate_file(folder_ / "server.pem");
      service->mutable_tls()->set_key_file(folder_ / "server.key");
      service->mutable_tls()->set_client_ca_file(folder_ / "ca.pem");
    }
  }
};

TEST_F(SeparateServicesTest, OneFileIsFineForAllOfThem) {
  for (const std::string_view service : kServices) EXPECT_EQ(Paths(service), "") << service;
  EXPECT_EQ(Paths(), "storage.folder storage.postgres storage.s3 bus services rpc.address ")
      << "and not for standalone";
}

TEST_F(SeparateServicesTest, EachNeedsItsOwnFilesOnly) {
  config_.mutable_policy()->set_file("elsewhere.yaml");
  config_.mutable_services(1)->mutable_tls()->set_key_file("elsewhere.key");
  EXPECT_EQ(Paths("intake"), "");
  EXPECT_EQ(Paths("policy"), "services[1].tls.key_file policy.file ");
}

TEST_F(SeparateServicesTest, TheServersAreNamed) {
  config_.clear_storage();
  config_.clear_bus();
  EXPECT_EQ(Paths("ledger"),
            "storage.postgres.conninfo storage.s3.endpoint storage.s3.bucket storage.s3.access_key "
            "storage.s3.secret_key_file bus.kafka.servers ");
}

TEST_F(SeparateServicesTest, APasswordIsNotWrittenHere) {
  config_.mutable_storage()->mutable_postgres()->set_conninfo("host=db.example password=x");
  EXPECT_EQ(Paths("ledger"), "storage.postgres.conninfo ");
  config_.mutable_storage()->mutable_postgres()->set_conninfo("host=db.example");
  config_.mutable_bus()->mutable_kafka()->set_user("sekisho");
  EXPECT_EQ(Paths("ledger"), "bus.kafka.password_file ");
}

TEST_F(SeparateServicesTest, TopicsForgetBeforeInboxesDo) {
  config_.mutable_bus()->mutable_kafka()->mutable_topics()->mutable_retention()->set_seconds(14 * 86400 + 1);
  EXPECT_EQ(Paths("ledger"), "bus.kafka.topics.retention ");
}

TEST_F(SeparateServicesTest, EachIsListedWithWhereItAnswers) {
  config_.mutable_services(0)->clear_rpc_address();
  config_.mutable_services(1)->set_name("polcy");
  *config_.add_services() = config_.services(2);
  config_.mutable_services(3)->clear_tls();  // in the clear, and not on loopback
  EXPECT_EQ(Paths("ledger"),
            "services[0].rpc_address services[1].name services[3].rpc_address services[6].instance services ");
}

TEST_F(SeparateServicesTest, AReplicaHasItsOwnEntryOrThatOfItsService) {
  *config_.add_services() = config_.services(2);
  config_.mutable_services(6)->set_instance("approval-1");
  config_.mutable_services(6)->set_rpc_address("127.0.0.1:1");
  EXPECT_EQ(FindService(config_, "approval", "approval-1")->rpc_address(), "127.0.0.1:1");
  EXPECT_EQ(FindService(config_, "approval", "approval-7")->rpc_address(), "0.0.0.0:50051");
  config_.mutable_services(2)->set_instance("approval-0");
  EXPECT_EQ(FindService(config_, "approval", "approval-7").error().code, Code::kInvalid);
}

TEST(HostPortTest, OnlyLoopbackAddressesAreLoopback) {
  for (const char* host : {"127.0.0.1", "127.1.2.3", "::1", "localhost"}) EXPECT_TRUE(IsLoopback(host)) << host;
  for (const char* host : {"127.evil.example", "0.0.0.0", "::", "", "128.0.0.1", "localhost.example"}) {
    EXPECT_FALSE(IsLoopback(host)) << host;
  }
}

TEST(HostPortTest, TakesLiteralsAndNames) {
  EXPECT_EQ(ParseHostPort("[::1]:25")->host, "::1");
  EXPECT_EQ(ParseHostPort("mx.example:2525")->port, 2525);
  for (const char* text : {"", ":25", "host", "host:", "host:70000", "::1:25", "[]:25", "[::1:25", "host:25x"}) {
    EXPECT_FALSE(ParseHostPort(text).ok()) << text;
  }
}

}  // namespace
}  // namespace sekisho::config
