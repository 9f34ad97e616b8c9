#pragma once
// A real Apache Kafka broker (KRaft, one node) for one test program: its own folder, ports of its own on loopback,
// ended with it. It takes seconds to start: share one among the tests of a program, and give each test its own topics.
//
// Needs Java 17 and the packages that `tools/setup test` puts into build/kafka. Aborts, with the broker's log, when it
// can't start.

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "shared/testing/temporary_folder.h"

namespace sekisho::testing {

class KafkaBroker {
 public:
  // The broker's end of TLS. With `client_ca_pem`, a client must show a certificate that it signed.
  struct Tls {
    std::string certificate_pem, key_pem;  // PKCS #8
    std::string client_ca_pem;
    std::string user, password;  // of the listener with SASL PLAIN
  };

  KafkaBroker();
  explicit KafkaBroker(const Tls& tls);
  ~KafkaBroker();  // Kill()
  KafkaBroker(const KafkaBroker&) = delete;
  KafkaBroker& operator=(const KafkaBroker&) = delete;

  std::string servers() const { return "localhost:" + std::to_string(plain_port_); }
  std::string mutual_tls_servers() const { return "localhost:" + std::to_string(tls_port_); }
  std::string sasl_servers() const { return "localhost:" + std::to_string(sasl_port_); }

  // Starts it again with what it has on disk, on the same ports; returns when it takes requests. From the thread that
  // made it: the broker dies with that thread.
  void Start();
  void Stop();  // in order, as for maintenance
  void Kill();  // as by a power cut, but for what the kernel keeps

 private:
  void WriteProperties(const Tls* tls);
  void End(int signal);

  TemporaryFolder folder_;
  const uint16_t plain_port_, controller_port_, tls_port_, sasl_port_;
  pid_t process_ = -1;
};

}  // namespace sekisho::testing
