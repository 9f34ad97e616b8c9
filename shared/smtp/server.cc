#include "shared/smtp/server.h"

#include "shared/net/listener.h"
#include "shared/smtp/server_connection.h"
#include "shared/smtp/server_core.h"

namespace sekisho::smtp {

void Receiver::OnAuth(const Peer&, std::string, Secret<std::string>, Answer answer) {
  answer(Reply(454, "4.7.0", "logins cannot be checked here"));
}

// ---- ServerCore

bool ServerCore::Enter(const std::string& address_key) {
  const std::scoped_lock lock(mutex_);
  size_t& of_address = open_by_address_[address_key];
  if (of_address >= options.max_connections_per_address || open_ >= options.max_connections) {
    if (of_address == 0) open_by_address_.erase(address_key);
    return false;
  }
  ++of_address;
  ++open_;
  return true;
}

void ServerCore::Leave(const std::string& address_key) {
  const std::scoped_lock lock(mutex_);
  --open_;
  const auto found = open_by_address_.find(address_key);
  if (--found->second == 0) open_by_address_.erase(found);
}

bool ServerCore::EnterLogin(const std::string& login) {
  const std::scoped_lock lock(mutex_);
  size_t& of_login = open_by_login_[login];
  if (of_login >= options.max_connections_per_address) return false;
  ++of_login;
  return true;
}

void ServerCore::LeaveLogin(const std::string& login) {
  const std::scoped_lock lock(mutex_);
  const auto found = open_by_login_.find(login);
  if (--found->second == 0) open_by_login_.erase(found);
}

size_t ServerCore::open() const {
  const std::scoped_lock lock(mutex_);
  return open_;
}

void ServerCore::Add(std::shared_ptr<ServerConnection> connection) {
  connections_[connection->loop().index()].insert(std::move(connection));
  const std::scoped_lock lock(mutex_);
  ++known_;
}

void ServerCore::Remove(const std::shared_ptr<ServerConnection>& connection) {
  connections_[connection->loop().index()].erase(connection);
  const std::scoped_lock lock(mutex_);
  if (--known_ == 0) none_known_.notify_all();
}

void ServerCore::PostToAll(void (ServerConnection::*call)()) {
  for (size_t i = 0; i < pool_.size(); ++i) {
    pool_.at(i).Post([self = shared_from_this(), call, i] {
      const auto connections = self->connections_[i];  // a copy: who ends leaves the set
      for (const auto& connection : connections) (connection.get()->*call)();
    });
  }
}

void ServerCore::Stop(Duration limit) {
  stopping_ = true;
  PostToAll(&ServerConnection::Drain);
  std::unique_lock lock(mutex_);
  if (none_known_.wait_for(lock, limit, [&] { return known_ == 0; })) return;
  lock.unlock();
  PostToAll(&ServerConnection::Abort);
  lock.lock();
  none_known_.wait(lock, [&] { return known_ == 0; });
}

// ---- Server

struct Server::Impl {
  std::shared_ptr<ServerCore> core;
  std::unique_ptr<net::Listener> listener;
};

Result<std::unique_ptr<Server>> Server::Start(ServerOptions options, MakeReceiver make, net::IoPool& pool,
                                              const Clock& clock) {
  if (options.tls != ServerOptions::Tls::kNone && options.tls_context == nullptr) {
    return MakeError(Code::kInvalid, "TLS needs a certificate and a key");
  }
  auto impl = std::make_shared<Impl>();
  impl->core = std::make_shared<ServerCore>(std::move(options), std::move(make), pool, clock);
  SEKISHO_TRY(impl->listener,
              net::Listener::Open(pool, impl->core->options.address, [core = impl->core](net::Stream stream) {
                if (core->stopping()) return;
                std::make_shared<ServerConnection>(core, std::move(stream))->Start();
              }));
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::~Server() { Stop(Duration{}); }

std::string Server::address() const { return impl_->listener->address(); }
uint16_t Server::port() const { return impl_->listener->port(); }

ServerCounts Server::counts() const {
  const ServerCore::Counters& counters = impl_->core->counters;
  ServerCounts counts;
  counts.connections_open = impl_->core->open();
  counts.connections = counters.connections;
  counts.connections_refused = counters.connections_refused;
  counts.handshakes_failed = counters.handshakes_failed;
  counts.logins_failed = counters.logins_failed;
  counts.logins_limited = counters.logins_limited;
  counts.timeouts = counters.timeouts;
  counts.mails_accepted = counters.mails_accepted;
  counts.mails_refused = counters.mails_refused;
  return counts;
}

void Server::Stop(Duration limit) {
  if (impl_->core->stopping()) return;
  impl_->listener->Close();
  impl_->core->Stop(limit);
}

}  // namespace sekisho::smtp
