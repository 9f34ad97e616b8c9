#include "shared/bus/kafka/client.h"

#include <array>

#include "shared/observe/log.h"

namespace sekisho::bus::kafka {
namespace {

constexpr int kScramWorksFrom = 0x020601ff;  // librdkafka 2.6.1

void LogLine(const rd_kafka_t*, int level, const char* facility, const char* text) {
  const auto ours = level <= 3   ? observe::Level::kError
                    : level == 4 ? observe::Level::kWarn
                    : level <= 6 ? observe::Level::kInfo
                                 : observe::Level::kDebug;
  observe::Log(ours, "bus.kafka", {{"facility", facility}, {"text", text}});
}

Status CheckConnection(const KafkaConnection& connection) {
  if (connection.servers.empty()) return MakeError(Code::kInvalid, "kafka: no servers are named");
  const bool tls = !connection.ca_file.empty();
  if (connection.certificate_file.empty() != connection.key_file.empty()) {
    return MakeError(Code::kInvalid, "kafka: a certificate and its key go together");
  }
  if (!tls && !connection.certificate_file.empty()) {
    return MakeError(Code::kInvalid, "kafka: a client certificate needs TLS; name ca_file");
  }
  if (connection.user.empty()) return Ok();
  if (!tls) return MakeError(Code::kInvalid, "kafka: a password is sent only over TLS; name ca_file");
  if (connection.mechanism == "PLAIN") return Ok();
  if (connection.mechanism != "SCRAM-SHA-256" && connection.mechanism != "SCRAM-SHA-512") {
    return MakeError(Code::kInvalid, "kafka: the mechanism is PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512");
  }
  if (rd_kafka_version() < kScramWorksFrom) {
    return MakeError(Code::kUnsupported, std::string("kafka: SCRAM needs librdkafka 2.6.1, this is ") +
                                             rd_kafka_version_str() + "; use PLAIN over TLS, or mTLS");
  }
  return Ok();
}

}  // namespace

Settings::Settings(const KafkaConnection& connection, const std::string& name)
    : settings_(rd_kafka_conf_new()), status_(CheckConnection(connection)) {
  rd_kafka_conf_set_log_cb(settings_.get(), &LogLine);
  const bool tls = !connection.ca_file.empty(), sasl = !connection.user.empty();
  Set("bootstrap.servers", connection.servers);
  Set("client.id", name);
  Set("security.protocol", sasl ? "sasl_ssl" : tls ? "ssl" : "plaintext");
  if (tls) {
    Set("ssl.ca.location", connection.ca_file);
    Set("ssl.endpoint.identification.algorithm", "https");
  }
  if (!connection.certificate_file.empty()) {
    Set("ssl.certificate.location", connection.certificate_file);
    Set("ssl.key.location", connection.key_file);
  }
  if (sasl) {
    Set("sasl.mechanisms", connection.mechanism);
    Set("sasl.username", connection.user);
    Set("sasl.password", connection.password.Reveal());
  }
  Set("socket.nagle.disable", "true");
  Set("socket.keepalive.enable", "true");
  Set("socket.timeout.ms", "10000");
  // A broker that comes back is found within two seconds.
  Set("reconnect.backoff.ms", "50");
  Set("reconnect.backoff.max.ms", "2000");
  Set("log.connection.close", "false");
}

Settings& Settings::Set(const char* name, const std::string& value) {
  std::array<char, 512> why{};
  if (rd_kafka_conf_set(settings_.get(), name, value.c_str(), why.data(), why.size()) != RD_KAFKA_CONF_OK &&
      status_.ok()) {
    status_ = MakeError(Code::kInvalid, std::string("kafka: setting ") + name + ": " + why.data());
  }
  return *this;
}

Result<Client> Settings::Make(rd_kafka_type_t type) && {
  SEKISHO_RETURN_IF_ERROR(status_);
  std::array<char, 512> why{};
  Client client(rd_kafka_new(type, settings_.get(), why.data(), why.size()));
  if (client == nullptr) return MakeError(Code::kInvalid, std::string("kafka: ") + why.data());
  static_cast<void>(settings_.release());  // the client has it now
  return client;
}

Error FromKafka(rd_kafka_resp_err_t error, std::string_view doing) {
  const std::string detail = "kafka: " + std::string(doing) + ": " + rd_kafka_err2str(error);
  switch (error) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
      return MakeError(Code::kLimit, detail);
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
      return MakeError(Code::kPermission, detail);
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
      return MakeError(Code::kPrecondition, detail + "; another process has this instance's name");
    default:
      return MakeError(Code::kUnavailable, detail);
  }
}

std::string TopicOnKafka(const KafkaOptions& options, Topic topic) {
  return options.prefix + "." + std::string(TopicName(topic)) + ".v1";
}

}  // namespace sekisho::bus::kafka
