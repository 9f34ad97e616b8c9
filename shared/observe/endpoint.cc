#include "shared/observe/endpoint.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <string_view>
#include <thread>

namespace sekisho::observe {
namespace {

constexpr size_t kLargestRequest = 4096;
constexpr int kPatienceMs = 2000;  // for one client to ask and to read

int Listen(const std::string& host, uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) return -1;
  const int fd = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  const bool good = fd >= 0 && ::bind(fd, found->ai_addr, found->ai_addrlen) == 0 && ::listen(fd, 16) == 0;
  ::freeaddrinfo(found);
  if (good) return fd;
  if (fd >= 0) ::close(fd);
  return -1;
}

std::string Response(int code, std::string_view reason, std::string_view type, std::string_view body) {
  return "HTTP/1.1 " + std::to_string(code) + " " + std::string(reason) + "\r\nContent-Type: " + std::string(type) +
         "\r\nContent-Length: " + std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" + std::string(body);
}

}  // namespace

struct Endpoint::State {
  int listener = -1;
  int stop = -1;
  uint16_t port = 0;
  Metrics* metrics = nullptr;
  Health health;
  std::thread thread;

  std::string Answer(std::string_view request) const {
    const std::string_view line = request.substr(0, request.find("\r\n"));
    if (!line.starts_with("GET ")) return Response(405, "Method Not Allowed", "text/plain", "GET only\n");
    const std::string_view path = line.substr(4, line.find(' ', 4) - 4);
    if (path == "/metrics") return Response(200, "OK", "text/plain; version=0.0.4; charset=utf-8", metrics->Expose());
    const auto state = [](bool good) {
      return good ? Response(200, "OK", "text/plain", "ok\n")
                  : Response(503, "Service Unavailable", "text/plain", "no\n");
    };
    if (path == "/livez") return state(health.alive());
    if (path == "/readyz") return state(health.ready());
    return Response(404, "Not Found", "text/plain", "/metrics, /livez, /readyz\n");
  }

  void Serve(int client) const {
    std::string request;
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatienceMs);
    char buffer[1024];
    while (request.find("\r\n\r\n") == std::string::npos && request.size() < kLargestRequest) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(give_up - std::chrono::steady_clock::now());
      pollfd waiting[] = {{client, POLLIN, 0}, {stop, POLLIN, 0}};
      if (left.count() <= 0 || ::poll(waiting, 2, static_cast<int>(left.count())) <= 0 || waiting[1].revents != 0)
        return;
      const ssize_t got = ::recv(client, buffer, sizeof buffer, 0);
      if (got <= 0) return;
      request.append(buffer, static_cast<size_t>(got));
    }
    const std::string answer = request.size() < kLargestRequest
                                   ? Answer(request)
                                   : Response(431, "Request Header Fields Too Large", "text/plain", "");
    timeval patience{kPatienceMs / 1000, 0};
    ::setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    size_t sent = 0;
    while (sent < answer.size()) {
      const ssize_t put = ::send(client, answer.data() + sent, answer.size() - sent, MSG_NOSIGNAL);
      if (put <= 0) return;
      sent += static_cast<size_t>(put);
    }
  }

  void Run() const {
    pthread_setname_np(pthread_self(), "metrics");
    for (;;) {
      pollfd waiting[] = {{listener, POLLIN, 0}, {stop, POLLIN, 0}};
      if (::poll(waiting, 2, -1) < 0) continue;
      if (waiting[1].revents != 0) return;
      const int client = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
      if (client < 0) continue;
      Serve(client);
      ::close(client);
    }
  }
};

Endpoint::Endpoint(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<Endpoint>> Endpoint::Start(const std::string& host, uint16_t port, Metrics& metrics,
                                                  Health health) {
  auto state = std::make_unique<State>();
  state->listener = Listen(host, port);
  if (state->listener < 0) {
    return MakeError(Code::kUnavailable,
                     "cannot listen on " + host + ":" + std::to_string(port) + " (metrics): " + std::strerror(errno));
  }
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  ::getsockname(state->listener, reinterpret_cast<sockaddr*>(&bound), &size);
  state->port = ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&bound)->sin6_port
                                                  : reinterpret_cast<sockaddr_in*>(&bound)->sin_port);
  state->stop = ::eventfd(0, EFD_CLOEXEC);
  state->metrics = &metrics;
  state->health = std::move(health);
  state->thread = std::thread([raw = state.get()] { raw->Run(); });
  return std::unique_ptr<Endpoint>(new Endpoint(std::move(state)));
}

Endpoint::~Endpoint() {
  const uint64_t one = 1;
  static_cast<void>(::write(state_->stop, &one, sizeof one) == sizeof one);
  state_->thread.join();
  ::close(state_->listener);
  ::close(state_->stop);
}

uint16_t Endpoint::port() const { return state_->port; }

}  // namespace sekisho::observe
