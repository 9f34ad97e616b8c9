#pragma once
// Stands on loopback between an HTTP client and its server, and spoils what a test tells it to: a connection is cut in
// the middle, answered in the server's place, or never. Thread safe.

#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace sekisho::testing {

class TcpProxy {
 public:
  explicit TcpProxy(uint16_t to);  // a port of loopback
  ~TcpProxy();

  uint16_t port() const { return port_; }
  int connections() const;  // so far

  // What befalls the next `connections` that no earlier call has planned for; after them, all pass.
  void Pass(int connections);
  void CutUpload(int connections, size_t after);            // octets that came from the client
  void CutDownload(int connections, size_t after);          // octets that came from the server
  void Answer(int connections, const std::string& answer);  // to the first request, which the server never sees
  void Mute(int connections);

 private:
  struct Plan {
    enum class Kind { kPass, kCutUpload, kCutDownload, kAnswer, kMute } kind = Kind::kPass;
    size_t after = 0;
    std::string answer;
  };
  void Add(int connections, const Plan& plan);
  void Accept();
  void Serve(int client, const Plan& plan);
  void Relay(int client, const Plan& plan);
  void WaitForTheEnd(int client);

  const uint16_t to_;
  int listener_ = -1;
  int stop_[2] = {-1, -1};
  uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::deque<Plan> plans_;
  int connections_ = 0;
  std::vector<std::thread> serving_;
  std::thread accepting_;
};

}  // namespace sekisho::testing
