#pragma once
// PyPI's moto as an S3 server on a loopback port of its own, empty at its start. Dies with the test's process.

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace sekisho::testing {

class MotoServer {
 public:
  struct Options {
    std::string program;                   // …/moto_server
    std::string certificate, key;          // PEM files; empty: without TLS
    std::vector<std::string> environment;  // "NAME=value", beside the test's own
  };

  // Waits until it listens.
  explicit MotoServer(const Options& options);
  ~MotoServer();
  void Stop();  // at once; its port refuses from now on. Idempotent

  uint16_t port() const { return port_; }
  std::string endpoint() const { return endpoint_; }  // "http://127.0.0.1:40123"

 private:
  pid_t process_ = -1;
  std::string endpoint_;
  uint16_t port_ = 0;
  std::thread drain_;  // reads what it logs
};

}  // namespace sekisho::testing
