#pragma once
// A blocking client that says exactly the octets it is given. For tests.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <string>
#include <string_view>

namespace sekisho::smtp::testing {

class Wire {
 public:
  explicit Wire(uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval limit{10, 0};  // a test that waits longer has failed
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  ~Wire() { Close(); }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  void Say(std::string_view octets) {
    while (!octets.empty()) {
      const ssize_t sent = ::send(socket_, octets.data(), octets.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      octets.remove_prefix(static_cast<size_t>(sent));
    }
  }
  // The next whole reply, with its CRLFs; what came before the end when there is none.
  std::string Hear() {
    std::string reply;
    for (;;) {
      while (input_.find('\n') == std::string::npos) {
        char octets[4096];
        const ssize_t got = ::recv(socket_, octets, sizeof octets, 0);
        if (got <= 0) return reply + std::exchange(input_, {});
        input_.append(octets, static_cast<size_t>(got));
      }
      const std::string line = input_.substr(0, input_.find('\n') + 1);
      input_.erase(0, line.size());
      reply += line;
      if (line.size() < 4 || line[3] != '-') return reply;
    }
  }
  std::string Ask(std::string_view command) {
    Say(std::string(command) + "\r\n");
    return Hear();
  }
  // Whether the peer has closed, with nothing more said.
  bool AtEnd() { return Hear().empty(); }
  int socket() const { return socket_; }
  void Close() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }

 private:
  int socket_;
  std::string input_;
};

}  // namespace sekisho::smtp::testing
