// The gate with real sockets on both sides; the server behind it is this test.

#include "shared/rpc/gate.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <future>

#include "shared/rpc/certificate_files.h"
#include "shared/rpc/peers.h"
#include "tests/unit/shared/rpc/service_pki.h"

namespace sekisho::rpc {
namespace {

constexpr char kPreface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

std::string Resets(int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += std::string("\0\0\4\3\0\0\0\0\1code", 13);
  return all;
}

class GateTest : public ::testing::Test {
 protected:
  void Open(GateOptions options = {}) {
    options.address = "127.0.0.1:0";
    auto gate = Gate::Open(options, [this](int socket) { handed_.set_value(socket); });
    ASSERT_TRUE(gate.ok()) << gate.error().detail;
    gate_ = *std::move(gate);
  }
  ~GateTest() override {
    gate_.reset();
    for (const int socket : sockets_) close(socket);
  }
  int Connect() {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<uint16_t>(gate_->port()));
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
    return Own(fd);
  }
  // The socket that the server behind the gate is given; the gate's is non-blocking.
  int Handed() {
    const int fd = handed_.get_future().get();
    handed_ = {};
    return Own(fd);
  }
  int Own(int fd) {
    timeval patience{20, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockets_.push_back(fd);
    return fd;
  }
  // As the library makes it of the socket's peer.
  static std::string PeerName(int fd) {
    sockaddr_un peer{};
    socklen_t size = sizeof peer;
    EXPECT_EQ(getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size), 0);
    const size_t length = size - offsetof(sockaddr_un, sun_path);
    EXPECT_GT(length, 1u);
    return "unix-abstract:" + std::string(peer.sun_path + 1, length - 1);
  }
  static void Say(int fd, std::string_view text) { send(fd, text.data(), text.size(), MSG_NOSIGNAL); }
  // So many octets, or what came before the end.
  static std::string Hear(int fd, size_t size) {
    std::string heard;
    char c = 0;
    while (heard.size() < size) {
      const ssize_t got = recv(fd, &c, 1, 0);
      if (got == 1)
        heard += c;
      else if (got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
        break;
    }
    return heard;
  }
  static bool Ended(int fd) { return Hear(fd, 1).empty(); }

  std::promise<int> handed_;
  std::unique_ptr<Gate> gate_;
  std::vector<int> sockets_;
};

TEST_F(GateTest, PassesOnBothWaysAndKnowsWhoItIs) {
  Open();
  const int client = Connect(), server = Handed();
  const std::string name = PeerName(server);
  EXPECT_EQ(AddressOfPeer(name), "127.0.0.1");
  EXPECT_TRUE(CertificateNamesOfPeer(name).empty());
  EXPECT_EQ(AddressOfPeer("inproc"), "inproc");
  Say(client, std::string(kPreface) + Resets(3));
  EXPECT_EQ(Hear(server, 24 + 39), kPreface + Resets(3));
  Say(server, "reply");
  EXPECT_EQ(Hear(client, 5), "reply");
}

TEST_F(GateTest, AConnectionThatEndedIsNobodysAndItsNameIsNotUsedAgain) {
  Open();
  const int first = Connect(), first_handed = Handed();
  const std::string name = PeerName(first_handed);
  shutdown(first, SHUT_RDWR);
  EXPECT_TRUE(Ended(first_handed));
  EXPECT_EQ(AddressOfPeer(name), "unknown");
  Connect();
  EXPECT_NE(PeerName(Handed()), name);
}

TEST_F(GateTest, WhatTheServerSaidLastArrives) {
  Open();
  const int client = Connect(), server = Handed();
  Say(client, std::string(kPreface) + "unread");
  Say(server, std::string(100'000, 'x'));
  shutdown(server, SHUT_RDWR);
  EXPECT_EQ(Hear(client, 200'000).size(), 100'000u);
}

TEST_F(GateTest, AClientThatLeavesIsGoneForTheServerToo) {
  Open();
  const int client = Connect(), server = Handed();
  Say(client, kPreface);
  EXPECT_EQ(Hear(server, 24), kPreface);
  shutdown(client, SHUT_RDWR);
  EXPECT_TRUE(Ended(server));
}

TEST_F(GateTest, AFloodIsCutOffBeforeTheServerHearsOfIt) {
  Open();
  const int client = Connect(), server = Handed();
  Say(client, kPreface);
  EXPECT_EQ(Hear(server, 24), kPreface);
  Say(client, Resets(2000));
  EXPECT_TRUE(Ended(client));
  EXPECT_LT(Hear(server, 2000 * 13).size(), 2000u * 13);
}

TEST_F(GateTest, WhatIsNotHttp2IsCutOff) {
  Open();
  const int client = Connect(), server = Handed();
  Say(client, "GET / HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(Ended(client));
  EXPECT_TRUE(Ended(server));
}

TEST_F(GateTest, AnAddressHasOnlySoManyConnections) {
  GateOptions options;
  options.max_connections_per_address = 2;
  Open(options);
  const int first = Connect(), first_handed = Handed();
  Connect();
  Handed();
  EXPECT_TRUE(Ended(Connect()));
  shutdown(first, SHUT_RDWR);
  EXPECT_TRUE(Ended(first_handed));
  Connect();
  Handed();
}

TEST_F(GateTest, RenewedTlsIsForThoseWhoComeAfter) {
  Open();
  const int before = Connect(), server = Handed();
  ServicePki pki;
  gate_->UseTls(*CertificateFiles(pki.Issue("policy"), false).Read());
  Say(before, kPreface);
  EXPECT_EQ(Hear(server, 24), kPreface);
  const int after = Connect();
  Say(after, kPreface);  // in the clear
  EXPECT_NE(Hear(after, 1), "P");
  EXPECT_TRUE(Hear(after, 1000).size() < 1000) << "and it ends";
}

TEST_F(GateTest, ClosedItTakesNobodyMoreAndKeepsWhoIsThere) {
  Open();
  const int client = Connect(), server = Handed();
  gate_->Close();
  Say(client, kPreface);
  EXPECT_EQ(Hear(server, 24), kPreface);
}

}  // namespace
}  // namespace sekisho::rpc
