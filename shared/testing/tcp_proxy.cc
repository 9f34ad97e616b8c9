#include "shared/testing/tcp_proxy.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "shared/base/bytes.h"
#include "shared/base/result.h"

namespace sekisho::testing {
namespace {

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool SendAll(int socket, std::string_view octets) {
  while (!octets.empty()) {
    const ssize_t sent = send(socket, octets.data(), octets.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    octets.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

// With a reset, as a machine does that lost its mind; not with an orderly end.
void Cut(int socket) {
  const linger now{1, 0};
  setsockopt(socket, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

// One request, its body by Content-Length.
bool SwallowRequest(int client) {
  std::string request;
  size_t wanted = 1;
  char buffer[65536];
  while (request.size() < wanted) {
    const ssize_t got = recv(client, buffer, sizeof buffer, 0);
    if (got <= 0) return false;
    request.append(buffer, static_cast<size_t>(got));
    wanted = request.size() + 1;
    if (const size_t end = request.find("\r\n\r\n"); end != std::string::npos) {
      const std::string head = AsciiLower(request.substr(0, end));
      const size_t length = head.find("content-length: ");
      wanted = end + 4 + (length == std::string::npos ? 0 : std::strtoul(head.c_str() + length + 16, nullptr, 10));
    }
  }
  return true;
}

}  // namespace

TcpProxy::TcpProxy(uint16_t to) : to_(to) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof address;
  SEKISHO_CHECK(bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0 && listen(listener_, 64) == 0);
  SEKISHO_CHECK(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  port_ = ntohs(address.sin_port);
  SEKISHO_CHECK(pipe2(stop_, O_CLOEXEC) == 0);
  accepting_ = std::thread([this] { Accept(); });
}

TcpProxy::~TcpProxy() {
  close(stop_[1]);
  accepting_.join();
  for (std::thread& thread : serving_) thread.join();
  close(stop_[0]);
  close(listener_);
}

int TcpProxy::connections() const {
  const std::scoped_lock lock(mutex_);
  return connections_;
}

void TcpProxy::Pass(int connections) { Add(connections, {}); }
void TcpProxy::CutUpload(int connections, size_t after) { Add(connections, {Plan::Kind::kCutUpload, after, {}}); }
void TcpProxy::CutDownload(int connections, size_t after) { Add(connections, {Plan::Kind::kCutDownload, after, {}}); }
void TcpProxy::Answer(int connections, const std::string& answer) {
  Add(connections, {Plan::Kind::kAnswer, 0, answer});
}
void TcpProxy::Mute(int connections) { Add(connections, {Plan::Kind::kMute, 0, {}}); }

void TcpProxy::Add(int connections, const Plan& plan) {
  const std::scoped_lock lock(mutex_);
  plans_.insert(plans_.end(), static_cast<size_t>(connections), plan);
}

void TcpProxy::Accept() {
  for (;;) {
    pollfd fds[] = {{stop_[0], POLLIN, 0}, {listener_, POLLIN, 0}};
    poll(fds, 2, -1);
    if (fds[0].revents != 0) return;
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    const std::scoped_lock lock(mutex_);
    ++connections_;
    Plan plan;
    if (!plans_.empty()) {
      plan = plans_.front();
      plans_.pop_front();
    }
    serving_.emplace_back([this, client, plan] { Serve(client, plan); });
  }
}

void TcpProxy::Serve(int client, const Plan& plan) {
  if (plan.kind == Plan::Kind::kMute) {
    WaitForTheEnd(client);
  } else if (plan.kind == Plan::Kind::kAnswer) {
    if (SwallowRequest(client) && SendAll(client, plan.answer)) {
      shutdown(client, SHUT_WR);
      WaitForTheEnd(client);
    }
  } else {
    Relay(client, plan);
  }
  close(client);
}

void TcpProxy::WaitForTheEnd(int client) {
  char buffer[65536];
  for (;;) {
    pollfd fds[] = {{stop_[0], POLLIN, 0}, {client, POLLIN, 0}};
    poll(fds, 2, -1);
    if (fds[0].revents != 0 || recv(client, buffer, sizeof buffer, 0) <= 0) return;
  }
}

void TcpProxy::Relay(int client, const Plan& plan) {
  const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(to_);
  size_t up_left = plan.kind == Plan::Kind::kCutUpload ? plan.after : SIZE_MAX;
  size_t down_left = plan.kind == Plan::Kind::kCutDownload ? plan.after : SIZE_MAX;
  bool open = connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  const auto forward = [](int from, int to, size_t& left) {
    char buffer[16384];
    const ssize_t got = recv(from, buffer, std::min(sizeof buffer, left), 0);
    if (got <= 0 || !SendAll(to, std::string_view(buffer, static_cast<size_t>(got)))) return false;
    left -= static_cast<size_t>(got);
    return left > 0;
  };
  while (open) {
    pollfd fds[] = {{stop_[0], POLLIN, 0}, {client, POLLIN, 0}, {server, POLLIN, 0}};
    poll(fds, 3, -1);
    if (fds[0].revents != 0) break;
    if (fds[1].revents != 0) open = forward(client, server, up_left);
    if (open && fds[2].revents != 0) open = forward(server, client, down_left);
  }
  if (up_left == 0 || down_left == 0) {
    Cut(client);
    Cut(server);
  }
  close(server);
}

}  // namespace sekisho::testing
