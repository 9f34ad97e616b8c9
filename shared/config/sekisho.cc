#include "shared/config/sekisho.h"

#include <arpa/inet.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <thread>

namespace sekisho::config {
namespace {

void Default(std::string& field, std::string value) {
  if (field.empty()) field = std::move(value);
}

#define SEKISHO_DEFAULT(message, field, value) \
  if ((message)->field() == 0) (message)->set_##field(value)

// In two steps: as two arguments of one call, mutable_…() may come before has_…() is asked.
#define SEKISHO_DEFAULT_SECONDS(message, field, value) \
  if (!(message)->has_##field()) (message)->mutable_##field()->set_seconds(value)

constexpr char kForSeparateServices[] =
    "is for separate services (sekisho-intake, sekisho-policy, …): sekisho-standalone keeps everything in "
    "storage.folder";

constexpr int64_t kMinute = 60, kHour = 3600, kDay = 86400;
constexpr int64_t kLongestRetention = 14 * kDay;  // of topics; shorter than an inbox keeps what it saw

std::string MachineName() {
  char name[256] = {};
  if (::gethostname(name, sizeof name - 1) != 0) return "localhost";
  return name;
}

}  // namespace

void ApplyDefaults(v1::Config& config) {
  auto* organization = config.mutable_organization();
  Default(*organization->mutable_hostname(), MachineName());
  Default(*organization->mutable_default_language(), "ja");

  auto* storage = config.mutable_storage();
  SEKISHO_DEFAULT(storage, small_content, 256 * 1024);
  SEKISHO_DEFAULT(storage, min_free, 256 * 1024 * 1024);

  auto* intake = config.mutable_intake();
  auto* limits = intake->mutable_limits();
  SEKISHO_DEFAULT(limits, message_size, 50 << 20);
  SEKISHO_DEFAULT(limits, mime_depth, 32);
  SEKISHO_DEFAULT(limits, mime_parts, 1000);
  SEKISHO_DEFAULT(limits, header_bytes, 256 * 1024);
  SEKISHO_DEFAULT(limits, header_field_bytes, 32 * 1024);
  SEKISHO_DEFAULT(limits, header_fields, 1000);
  SEKISHO_DEFAULT(limits, recipients, 500);
  SEKISHO_DEFAULT(limits, smtp_errors, 20);
  SEKISHO_DEFAULT(limits, min_bytes_per_second, 500);
  SEKISHO_DEFAULT_SECONDS(limits, idle, 5 * kMinute);
  SEKISHO_DEFAULT(limits, received_hops, 50);
  SEKISHO_DEFAULT(limits, connections, 1000);
  SEKISHO_DEFAULT(limits, connections_per_address, 200);
  SEKISHO_DEFAULT(limits, login_failures_per_minute, 10);
  SEKISHO_DEFAULT_SECONDS(limits, command_timeout, 5 * kMinute);
  SEKISHO_DEFAULT_SECONDS(intake, content_retention, 7 * kDay);
  SEKISHO_DEFAULT(intake, max_auth_verifiers, 2);
  SEKISHO_DEFAULT_SECONDS(intake, auth_cache, kMinute);
  SEKISHO_DEFAULT(intake, max_backlog, 100'000);

  auto* policy = config.mutable_policy();
  SEKISHO_DEFAULT_SECONDS(policy, reload_interval, 1);
  if (!policy->has_pattern_budget()) policy->mutable_pattern_budget()->set_nanos(100'000'000);

  SEKISHO_DEFAULT_SECONDS(config.mutable_approval(), default_expiry, 3 * kDay);

  auto* delivery = config.mutable_delivery();
  SEKISHO_DEFAULT(delivery, max_connections, 200);
  SEKISHO_DEFAULT(delivery, max_connections_per_destination, 20);
  SEKISHO_DEFAULT_SECONDS(delivery, give_up_after, 5 * kDay);
  SEKISHO_DEFAULT_SECONDS(delivery, first_retry, kMinute);
  SEKISHO_DEFAULT_SECONDS(delivery, max_retry, 4 * kHour);
  SEKISHO_DEFAULT_SECONDS(delivery, lease, kMinute);
  SEKISHO_DEFAULT_SECONDS(delivery, delay_notice_after, 4 * kHour);
  SEKISHO_DEFAULT_SECONDS(delivery, connect_timeout, 30);
  SEKISHO_DEFAULT_SECONDS(delivery, reply_timeout, 5 * kMinute);
  SEKISHO_DEFAULT(delivery, in_flight, 2000);

  SEKISHO_DEFAULT_SECONDS(config.mutable_ledger(), retention, 400 * kDay);
  SEKISHO_DEFAULT_SECONDS(config.mutable_rpc(), token_lifetime, 12 * kHour);

  Default(*config.mutable_log()->mutable_level(), "info");

  if (config.storage().has_postgres()) {
    SEKISHO_DEFAULT(storage->mutable_postgres(), writers, 4);
    SEKISHO_DEFAULT(storage->mutable_postgres(), readers, 4);
  }
  if (config.storage().has_s3()) {
    Default(*storage->mutable_s3()->mutable_region(), "us-east-1");
    Default(*storage->mutable_s3()->mutable_prefix(), "content/");
  }
  if (config.bus().has_kafka()) {
    auto* kafka = config.mutable_bus()->mutable_kafka();
    Default(*kafka->mutable_mechanism(), "PLAIN");
    Default(*kafka->mutable_prefix(), "sekisho.mail");
    SEKISHO_DEFAULT(kafka, outbox_shards, 1);
    SEKISHO_DEFAULT_SECONDS(kafka, session, 30);
    auto* topics = kafka->mutable_topics();
    SEKISHO_DEFAULT(topics, partitions, 12);
    SEKISHO_DEFAULT(topics, replication, 3);
    SEKISHO_DEFAULT(topics, min_insync, 2);
    SEKISHO_DEFAULT_SECONDS(topics, retention, 7 * kDay);
  }
  for (v1::Service& service : *config.mutable_services()) Default(*service.mutable_address(), service.rpc_address());

  auto* runtime = config.mutable_runtime();
  SEKISHO_DEFAULT(runtime, io_threads, 2);
  SEKISHO_DEFAULT(runtime, worker_threads, std::max(1u, std::thread::hardware_concurrency()));
  SEKISHO_DEFAULT_SECONDS(runtime, drain_limit, 30);
}

Result<HostPort> ParseHostPort(std::string_view text) {
  const auto bad = [&] {
    return MakeError(Code::kInvalid,
                     "'" + std::string(text.substr(0, 60)) + "' is not HOST:PORT, like 127.0.0.1:25 or [::1]:25");
  };
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return bad();
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  if (host.front() == '[') {
    if (host.back() != ']' || host.size() < 3) return bad();
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return bad();
  }
  unsigned number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc() || end != port.data() + port.size() || number > 65535) return bad();
  return HostPort{std::string(host), static_cast<uint16_t>(number)};
}

bool IsLoopback(std::string_view host) {
  if (host == "localhost") return true;
  const std::string text(host);
  in_addr v4{};
  in6_addr v6{};
  if (::inet_pton(AF_INET, text.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
  return ::inet_pton(AF_INET6, text.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

namespace {

// Collects the problems of one configuration.
class Checker {
 public:
  Checker(const std::string& file, const SourceMap& source) : file_(file), source_(source) {}

  void Add(const std::string& path, std::string message) {
    problems_.push_back({file_, source_.At(path), path, std::move(message)});
  }
  void Required(const std::string& value, const std::string& path, const char* example) {
    if (value.empty()) Add(path, std::string("is required, like ") + example);
  }
  // True for a usable address.
  bool Address(const std::string& value, const std::string& path, bool loopback_needed, const char* why) {
    const auto parsed = ParseHostPort(value);
    if (!parsed.ok()) {
      Add(path, parsed.error().detail);
      return false;
    }
    if (loopback_needed && !IsLoopback(parsed->host)) Add(path, why);
    return true;
  }
  void File(const std::string& value, const std::string& path) {
    if (!value.empty() && ::access(value.c_str(), R_OK) != 0) {
      Add(path, "'" + value + "' cannot be read; paths are relative to the working directory");
    }
  }
  void TlsFiles(const v1::Tls& tls, const std::string& path) {
    Required(tls.certificate_file(), path + ".certificate_file", "server.pem");
    Required(tls.key_file(), path + ".key_file", "server.key");
    File(tls.certificate_file(), path + ".certificate_file");
    File(tls.key_file(), path + ".key_file");
    File(tls.client_ca_file(), path + ".client_ca_file");
  }
  std::vector<Problem> Take() { return std::move(problems_); }

 private:
  const std::string& file_;
  const SourceMap& source_;
  std::vector<Problem> problems_;
};

void CheckListeners(const v1::Intake& intake, Checker& checker) {
  std::set<std::string> names;
  for (int i = 0; i < intake.listeners_size(); ++i) {
    const v1::SmtpListener& listener = intake.listeners(i);
    const std::string at = "intake.listeners[" + std::to_string(i) + "]";
    checker.Required(listener.name(), at + ".name", "submission");
    if (!listener.name().empty() && !names.insert(listener.name()).second)
      checker.Add(at + ".name", "is used twice; choose another");
    checker.Address(listener.address(), at + ".address", listener.allow_demo_logins(),
                    "must be a loopback address while allow_demo_logins is set: everyone knows the demo's passwords");
    switch (listener.kind()) {
      case v1::SmtpListener::SUBMISSION:
      case v1::SmtpListener::SUBMISSIONS:
        if (!listener.has_tls())
          checker.Add(at + ".tls", "is required: passwords are taken under TLS only");
        else
          checker.TlsFiles(listener.tls(), at + ".tls");
        if (listener.has_relay()) checker.Add(at + ".relay", "is for listeners of kind RELAY");
        break;
      case v1::SmtpListener::RELAY:
        if (listener.relay().hosts().empty() && listener.relay().certificate_sha256().empty()) {
          checker.Add(at + ".relay", "must name who may use it: hosts or certificate_sha256");
        }
        if (listener.has_tls())
          checker.TlsFiles(listener.tls(), at + ".tls");
        else if (!listener.relay().certificate_sha256().empty()) {
          checker.Add(at + ".tls", "is required when the relay is known by certificate");
        }
        break;
      default:
        checker.Add(at + ".kind", "is required: SUBMISSION, SUBMISSIONS or RELAY");
    }
  }
}

void CheckRoutes(const v1::Delivery& delivery, Checker& checker) {
  for (int i = 0; i < delivery.routes_size(); ++i) {
    const v1::Route& route = delivery.routes(i);
    const std::string at = "delivery.routes[" + std::to_string(i) + "]";
    if (route.domains().empty()) checker.Add(at + ".domains", "is required, like [partner.example] or [\"*\"]");
    checker.Address(route.next_hop(), at + ".next_hop", false, "");
    if (!route.user().empty()) {
      checker.Required(route.password_file(), at + ".password_file", "smarthost.password");
      checker.File(route.password_file(), at + ".password_file");
      if (route.tls() != v1::Route::REQUIRED) checker.Add(at + ".tls", "must be REQUIRED where a password is sent");
    }
  }
  std::set<std::string> keys;
  for (int i = 0; i < delivery.dkim().keys_size(); ++i) {
    const v1::DkimKey& key = delivery.dkim().keys(i);
    const std::string at = "delivery.dkim.keys[" + std::to_string(i) + "]";
    checker.Required(key.domain(), at + ".domain", "example.jp");
    checker.Required(key.selector(), at + ".selector", "s2026");
    checker.Required(key.key_file(), at + ".key_file", "dkim.key");
    checker.File(key.key_file(), at + ".key_file");
    if (!keys.insert(key.selector() + "." + key.domain()).second)
      checker.Add(at, "the selector is used twice for this domain");
  }
  checker.File(delivery.tls_trust_file(), "delivery.tls_trust_file");
  if (delivery.lease().seconds() < 1) checker.Add("delivery.lease", "must be 1s at least");
}

void CheckSigner(const v1::Signer& signer, const std::string& at, Checker& checker) {
  checker.Required(signer.certificate_file(), at + ".certificate_file", "signer.pem");
  checker.Required(signer.key_file(), at + ".key_file", "signer.key");
  checker.File(signer.certificate_file(), at + ".certificate_file");
  checker.File(signer.key_file(), at + ".key_file");
}

void CheckEncryption(const v1::Encryption& encryption, Checker& checker) {
  checker.File(encryption.trust_file(), "encryption.trust_file");
  if (encryption.has_organization_signer()) {
    CheckSigner(encryption.organization_signer(), "encryption.organization_signer", checker);
  }
  for (int i = 0; i < encryption.user_signers_size(); ++i) {
    const std::string at = "encryption.user_signers[" + std::to_string(i) + "]";
    checker.Required(encryption.user_signers(i).address(), at + ".address", "hanako@example.jp");
    CheckSigner(encryption.user_signers(i), at, checker);
  }
  for (int i = 0; i < encryption.certificate_files_size(); ++i) {
    checker.File(encryption.certificate_files(i), "encryption.certificate_files[" + std::to_string(i) + "]");
  }
  for (int i = 0; i < encryption.agreed_passwords_size(); ++i) {
    const std::string at = "encryption.agreed_passwords[" + std::to_string(i) + "]";
    checker.Required(encryption.agreed_passwords(i).recipient(), at + ".recipient", "customer.example");
    checker.Required(encryption.agreed_passwords(i).password_file(), at + ".password_file", "customer.password");
    checker.File(encryption.agreed_passwords(i).password_file(), at + ".password_file");
  }
}

void CheckDistributed(const v1::Config& config, Checker& checker) {
  const v1::Postgres& postgres = config.storage().postgres();
  checker.Required(postgres.conninfo(), "storage.postgres.conninfo", "\"host=db.example dbname=sekisho user=sekisho\"");
  if (postgres.conninfo().find("password") != std::string::npos)
    checker.Add("storage.postgres.conninfo", "must not hold a password: name a file in password_file");
  checker.File(postgres.password_file(), "storage.postgres.password_file");
  const v1::S3& s3 = config.storage().s3();
  checker.Required(s3.endpoint(), "storage.s3.endpoint", "https://objects.example:9000");
  checker.Required(s3.bucket(), "storage.s3.bucket", "sekisho");
  checker.Required(s3.access_key(), "storage.s3.access_key", "sekisho");
  checker.Required(s3.secret_key_file(), "storage.s3.secret_key_file", "/etc/sekisho/s3.secret");
  checker.File(s3.secret_key_file(), "storage.s3.secret_key_file");
  checker.File(s3.ca_file(), "storage.s3.ca_file");
  const v1::Kafka& kafka = config.bus().kafka();
  checker.Required(kafka.servers(), "bus.kafka.servers", "kafka-0.example:9093");
  checker.File(kafka.ca_file(), "bus.kafka.ca_file");
  checker.File(kafka.certificate_file(), "bus.kafka.certificate_file");
  checker.File(kafka.key_file(), "bus.kafka.key_file");
  checker.File(kafka.password_file(), "bus.kafka.password_file");
  if (kafka.topics().retention().seconds() > kLongestRetention)
    checker.Add("bus.kafka.topics.retention", "must be at most 14d: inboxes know a record again for 21 days");
  if (!kafka.user().empty()) checker.Required(kafka.password_file(), "bus.kafka.password_file", "kafka.password");
}

void CheckServices(const v1::Config& config, std::string_view own, Checker& checker) {
  std::set<std::pair<std::string, std::string>> seen;
  std::set<std::string_view> named;
  for (int i = 0; i < config.services_size(); ++i) {
    const v1::Service& service = config.services(i);
    const std::string at = "services[" + std::to_string(i) + "]";
    if (std::find(kServices.begin(), kServices.end(), service.name()) == kServices.end())
      checker.Add(at + ".name", "must be intake, policy, approval, encryption, delivery or ledger");
    named.insert(service.name());
    if (!seen.emplace(service.name(), service.instance()).second)
      checker.Add(at + ".instance", "is used twice for this service; give each its own");
    checker.Required(service.rpc_address(), at + ".rpc_address", "127.0.0.1:50051");
    if (!service.rpc_address().empty()) {
      checker.Address(service.rpc_address(), at + ".rpc_address", !service.has_tls() && !config.rpc().has_tls(),
                      "must be a loopback address while tls is absent: tokens and mails would go in the clear");
    }
    if (!service.address().empty()) checker.Address(service.address(), at + ".address", false, "");
    if (!service.metrics_address().empty())
      checker.Address(service.metrics_address(), at + ".metrics_address", false, "");
    if (service.has_tls() && service.name() == own) {
      checker.TlsFiles(service.tls(), at + ".tls");
      checker.Required(service.tls().client_ca_file(), at + ".tls.client_ca_file", "services-ca.pem");
    }
  }
  for (const std::string_view name : kServices) {
    if (named.count(name) == 0) checker.Add("services", "must name " + std::string(name) + ", and where it answers");
  }
}

}  // namespace

std::vector<Problem> Check(const v1::Config& config, const std::string& file, const SourceMap& source,
                           std::string_view service) {
  const bool alone = service.empty();
  Checker checker(file, source);
  checker.Required(config.organization().id(), "organization.id", "example");
  if (config.organization().domains().empty()) checker.Add("organization.domains", "is required, like [example.jp]");
  const std::string& language = config.organization().default_language();
  if (language != "ja" && language != "en") checker.Add("organization.default_language", "must be ja or en");
  if (alone) {
    checker.Required(config.storage().folder(), "storage.folder", "/var/lib/sekisho");
    if (config.storage().has_postgres()) checker.Add("storage.postgres", kForSeparateServices);
    if (config.storage().has_s3()) checker.Add("storage.s3", kForSeparateServices);
    if (config.has_bus()) checker.Add("bus", kForSeparateServices);
    if (config.services_size() > 0) checker.Add("services", kForSeparateServices);
  } else {
    CheckDistributed(config, checker);
    CheckServices(config, service, checker);
  }
  checker.Required(config.keys().ring_file(), "keys.ring_file", "/etc/sekisho/keyring");
  if (config.keys().create() && config.keys().mounted()) {
    checker.Add("keys.create", "must be false while keys.mounted is set: a mounted secret is never written");
  }
  checker.Required(config.directory_file(), "directory_file", "/etc/sekisho/directory.yaml");
  checker.File(config.directory_file(), "directory_file");
  if (alone || service == "policy") {
    checker.Required(config.policy().file(), "policy.file", "/etc/sekisho/policy.yaml");
    checker.File(config.policy().file(), "policy.file");
  }
  if (alone || service == "intake") CheckListeners(config.intake(), checker);
  if (alone || service == "encryption") CheckEncryption(config.encryption(), checker);
  if (alone || service == "delivery") CheckRoutes(config.delivery(), checker);
  if (alone) checker.Required(config.rpc().address(), "rpc.address", "127.0.0.1:50051");
  if (!config.rpc().address().empty()) {
    checker.Address(config.rpc().address(), "rpc.address", !config.rpc().has_tls(),
                    "must be a loopback address while rpc.tls is absent: tokens and mails would go in the clear");
  }
  if (config.rpc().has_tls()) checker.TlsFiles(config.rpc().tls(), "rpc.tls");
  if (!config.metrics().address().empty()) checker.Address(config.metrics().address(), "metrics.address", false, "");
  const std::string& level = config.log().level();
  if (level != "debug" && level != "info" && level != "warn" && level != "error") {
    checker.Add("log.level", "must be debug, info, warn or error");
  }
  if (config.has_sink()) {
    checker.Required(config.sink().folder(), "sink.folder", "var/demo");
    const char* why = "must be a loopback address: the sink takes everything";
    checker.Address(config.sink().inside_address(), "sink.inside_address", true, why);
    checker.Address(config.sink().outside_address(), "sink.outside_address", true, why);
  }
  return checker.Take();
}

std::vector<Problem> LoadConfig(const std::string& file, v1::Config& config, std::string_view service) {
  SourceMap source;
  std::vector<Problem> problems = LoadFile(file, config, source);
  if (!problems.empty()) return problems;
  ApplyDefaults(config);
  return Check(config, file, source, service);
}

Result<v1::Service> FindService(const v1::Config& config, std::string_view name, std::string_view instance) {
  const v1::Service* of_name = nullptr;
  for (const v1::Service& service : config.services()) {
    if (service.name() != name) continue;
    if (service.instance() == instance) return service;
    if (service.instance().empty()) of_name = &service;
  }
  if (of_name != nullptr) return *of_name;
  return MakeError(Code::kInvalid, "services: has no " + std::string(name) + " with the instance '" +
                                       std::string(instance) + "'; add it, or start with another --instance");
}

}  // namespace sekisho::config
