#pragma once
// What the connections of one server share: its options, its limits, its counts, and who is connected. Not for other
// modules.

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

#include "shared/net/io_pool.h"
#include "shared/smtp/login_guard.h"
#include "shared/smtp/server.h"

namespace sekisho::smtp {

class ServerConnection;

class ServerCore : public std::enable_shared_from_this<ServerCore> {
 public:
  ServerCore(ServerOptions its_options, Server::MakeReceiver its_make, net::IoPool& pool, const Clock& its_clock)
      : options(std::move(its_options)),
        make(std::move(its_make)),
        clock(its_clock),
        logins(options.logins ? options.logins : std::make_shared<LoginGuard>(10)),
        pool_(pool),
        connections_(pool.size()) {}

  const ServerOptions options;
  const Server::MakeReceiver make;
  const Clock& clock;
  const std::shared_ptr<LoginGuard> logins;

  struct Counters {
    std::atomic<uint64_t> connections{0}, connections_refused{0}, handshakes_failed{0}, logins_failed{0},
        logins_limited{0}, timeouts{0}, mails_accepted{0}, mails_refused{0};
  } counters;

  // A connection from `address_key` begins; false when it is one too many. Each true is matched by a Leave.
  bool Enter(const std::string& address_key);
  void Leave(const std::string& address_key);
  // The same for a connection that has logged in.
  bool EnterLogin(const std::string& login);
  void LeaveLogin(const std::string& login);
  size_t open() const;

  // On the connection's loop.
  void Add(std::shared_ptr<ServerConnection> connection);
  void Remove(const std::shared_ptr<ServerConnection>& connection);

  bool stopping() const { return stopping_; }
  void Stop(Duration limit);

 private:
  void PostToAll(void (ServerConnection::*call)());

  net::IoPool& pool_;
  std::atomic<bool> stopping_{false};
  // One set for each loop, touched on it alone.
  std::vector<std::unordered_set<std::shared_ptr<ServerConnection>>> connections_;

  mutable std::mutex mutex_;
  std::condition_variable none_known_;
  size_t known_ = 0;  // in connections_, the refused among them
  size_t open_ = 0;   // entered, and not left
  std::map<std::string, size_t> open_by_address_, open_by_login_;
};

}  // namespace sekisho::smtp
