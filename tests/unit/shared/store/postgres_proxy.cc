#include "tests/unit/shared/store/postgres_proxy.h"

#include <sys/eventfd.h>
#include <sys/poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <string_view>
#include <vector>

namespace sekisho::store {
namespace {

// What libpq sends for a COMMIT: the type, four octets of length, the text with its NUL.
constexpr std::string_view kCommit(
    "Q\0\0\0\x0b"
    "COMMIT\0",
    12);

sockaddr_un Address(const std::string& folder) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  const std::string path = folder + "/.s.PGSQL.5432";
  SEKISHO_CHECK(path.size() < sizeof address.sun_path);
  std::memcpy(address.sun_path, path.c_str(), path.size());
  return address;
}

std::string_view Receive(int fd, std::vector<char>& buffer) {
  const ssize_t size = ::recv(fd, buffer.data(), buffer.size(), 0);
  return {buffer.data(), size > 0 ? static_cast<size_t>(size) : 0};
}

bool Send(int fd, std::string_view octets) {
  while (!octets.empty()) {
    const ssize_t sent = ::send(fd, octets.data(), octets.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    octets.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

}  // namespace

PostgresProxy::PostgresProxy(const std::string& server)
    : server_(server), listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)), stop_(::eventfd(0, EFD_CLOEXEC)) {
  const sockaddr_un address = Address(folder_.path());
  SEKISHO_CHECK(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  SEKISHO_CHECK(::listen(listener_.get(), 16) == 0);
  thread_ = std::thread([this] { Loop(); });
}

PostgresProxy::~PostgresProxy() {
  SEKISHO_CHECK(::eventfd_write(stop_.get(), 1) == 0);
  thread_.join();
}

void PostgresProxy::Loop() {
  for (;;) {
    std::vector<pollfd> waited = {{stop_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
    for (const Pair& pair : pairs_) {
      waited.push_back({pair.client.get(), POLLIN, 0});
      waited.push_back({pair.server.get(), POLLIN, 0});
    }
    if (::poll(waited.data(), waited.size(), -1) < 0) continue;
    if (waited[0].revents != 0) return;
    size_t i = 2;
    for (auto pair = pairs_.begin(); pair != pairs_.end(); i += 2) {
      const bool open =
          (waited[i].revents == 0 || FromClient(*pair)) && (waited[i + 1].revents == 0 || FromServer(*pair));
      pair = open ? std::next(pair) : pairs_.erase(pair);
    }
    if (waited[1].revents != 0) Accept();
  }
}

void PostgresProxy::Accept() {
  FileDescriptor client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!client || refuse_) return;
  FileDescriptor server(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_un address = Address(server_);
  if (::connect(server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return;
  pairs_.push_back({std::move(client), std::move(server)});
}

bool PostgresProxy::FromClient(Pair& pair) {
  std::vector<char> buffer(1 << 16);
  const std::string_view octets = Receive(pair.client.get(), buffer);
  if (octets.empty()) return false;
  if (octets.ends_with(kCommit)) {
    const Cut cut = cut_.exchange(Cut::kNone);
    if (cut == Cut::kCommit) {
      abandoned_.push_back(std::move(pair.server));
      return false;
    }
    pair.cut_answer = cut == Cut::kAnswer;
  }
  return Send(pair.server.get(), octets);
}

bool PostgresProxy::FromServer(Pair& pair) {
  std::vector<char> buffer(1 << 16);
  const std::string_view octets = Receive(pair.server.get(), buffer);
  if (octets.empty() || pair.cut_answer) return false;
  return mute_ || Send(pair.client.get(), octets);
}

}  // namespace sekisho::store
