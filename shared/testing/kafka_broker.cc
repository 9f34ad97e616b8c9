#include "shared/testing/kafka_broker.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/random.h"
#include "shared/base/result.h"
#include "shared/testing/command.h"

namespace sekisho::testing {
namespace {

const std::string kClassPath = std::string(SEKISHO_KAFKA_LIBS) + "/*";
constexpr char kReady[] = "Kafka Server started";
constexpr int kReadyWithinMs = 120'000;

// A port that was free a moment ago. The broker must know its ports before it binds them, for it tells them to clients.
uint16_t FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  SEKISHO_CHECK(bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0);
  SEKISHO_CHECK(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  close(fd);
  return ntohs(address.sin_port);
}

void WriteFile(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

std::string ReadFile(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

[[noreturn]] void Fail(const std::string& what, const std::string& log) {
  std::fprintf(stderr, "%s; has `tools/setup test` run?\n%s\n", what.c_str(), log.c_str());
  std::abort();
}

}  // namespace

KafkaBroker::KafkaBroker() : plain_port_(FreePort()), controller_port_(FreePort()), tls_port_(0), sasl_port_(0) {
  WriteProperties(nullptr);
  Start();
}

KafkaBroker::KafkaBroker(const Tls& tls)
    : plain_port_(FreePort()), controller_port_(FreePort()), tls_port_(FreePort()), sasl_port_(FreePort()) {
  WriteProperties(&tls);
  Start();
}

KafkaBroker::~KafkaBroker() { Kill(); }

void KafkaBroker::WriteProperties(const Tls* tls) {
  const auto listener = [](const char* name, uint16_t port) {
    return std::string(name) + "://localhost:" + std::to_string(port);
  };
  std::string listeners = listener("PLAIN", plain_port_);
  std::ostringstream out;
  if (tls != nullptr) {
    listeners += "," + listener("MUTUAL", tls_port_) + "," + listener("SASL", sasl_port_);
    WriteFile(folder_ / "broker.pem", tls->key_pem + tls->certificate_pem);
    WriteFile(folder_ / "clients.pem", tls->client_ca_pem);
    out << "ssl.keystore.type=PEM\nssl.keystore.location=" << folder_ / "broker.pem"
        << "\n"
        << "ssl.truststore.type=PEM\nssl.truststore.location=" << folder_ / "clients.pem"
        << "\n"
        << "listener.name.mutual.ssl.client.auth=required\n"
        << "listener.name.sasl.sasl.enabled.mechanisms=PLAIN\n"
        << "listener.name.sasl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required "
           "user_"
        << tls->user << "=\"" << tls->password << "\";\n";
  }
  out << "process.roles=broker,controller\n"
      << "node.id=1\n"
      << "controller.quorum.voters=1@localhost:" << controller_port_ << "\n"
      << "controller.listener.names=CONTROLLER\n"
      << "inter.broker.listener.name=PLAIN\n"
      << "listeners=" << listeners << "," << listener("CONTROLLER", controller_port_) << "\n"
      << "advertised.listeners=" << listeners << "\n"
      << "listener.security.protocol.map=PLAIN:PLAINTEXT,CONTROLLER:PLAINTEXT,MUTUAL:SSL,SASL:SASL_SSL\n"
      << "log.dirs=" << folder_ / "log"
      << "\n"
      << "auto.create.topics.enable=false\n"
      << "offsets.topic.replication.factor=1\noffsets.topic.num.partitions=4\n"
      << "transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n"
      << "share.coordinator.state.topic.replication.factor=1\nshare.coordinator.state.topic.min.isr=1\n"
      << "group.initial.rebalance.delay.ms=0\n"
      << "group.min.session.timeout.ms=1000\n"
      // After a kill the controller waits this long before it takes the broker for another one: 9 s by default.
      << "broker.session.timeout.ms=2000\nbroker.heartbeat.interval.ms=500\n"
      << "num.network.threads=2\nnum.io.threads=2\nbackground.threads=2\n";
  WriteFile(folder_ / "server.properties", out.str());

  const CommandOutcome formatted =
      RunCommand({"java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", kClassPath, "kafka.tools.StorageTool", "format",
                  "--cluster-id=" + Base64UrlEncode(RandomOctets(16)), "-c", folder_ / "server.properties"});
  if (formatted.exit_status != 0) Fail("the Kafka broker's storage cannot be formatted", formatted.output);
}

void KafkaBroker::Start() {
  SEKISHO_CHECK(process_ < 0);
  const std::string log = folder_ / "broker.log", properties = folder_ / "server.properties";
  const int output = open(log.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
  SEKISHO_CHECK(output >= 0);
  const std::vector<std::string> arguments = {"java",
                                              "-Xms128m",
                                              "-Xmx256m",
                                              "-XX:+UseSerialGC",
                                              "-XX:TieredStopAtLevel=1",
                                              "-Dorg.apache.logging.log4j.level=INFO",
                                              "-cp",
                                              kClassPath,
                                              "kafka.Kafka",
                                              properties};
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const pid_t parent = getpid();
  process_ = fork();
  SEKISHO_CHECK(process_ >= 0);
  if (process_ == 0) {  // only what is safe after a fork with threads
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    execvp(argv[0], argv.data());
    _exit(127);
  }
  close(output);
  for (int waited = 0; ReadFile(log).find(kReady) == std::string::npos; waited += 50) {
    int status = 0;
    if (waitpid(process_, &status, WNOHANG) == process_) {
      process_ = -1;
      Fail("the Kafka broker ended", ReadFile(log));
    }
    if (waited > kReadyWithinMs) Fail("the Kafka broker does not become ready", ReadFile(log));
    poll(nullptr, 0, 50);
  }
}

void KafkaBroker::Stop() { End(SIGTERM); }
void KafkaBroker::Kill() { End(SIGKILL); }

void KafkaBroker::End(int signal) {
  if (process_ < 0) return;
  kill(process_, signal);
  waitpid(process_, nullptr, 0);
  process_ = -1;
}

}  // namespace sekisho::testing
