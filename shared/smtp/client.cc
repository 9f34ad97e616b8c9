#include "shared/smtp/client.h"

#include "shared/smtp/client_connection.h"

namespace sekisho::smtp {

std::string_view StageName(Stage stage) {
  switch (stage) {
    case Stage::kConnect:
      return "connect";
    case Stage::kGreeting:
      return "greeting";
    case Stage::kHello:
      return "hello";
    case Stage::kTls:
      return "tls";
    case Stage::kAuth:
      return "auth";
    case Stage::kMail:
      return "mail";
    case Stage::kRcpt:
      return "rcpt";
    case Stage::kData:
      return "data";
    case Stage::kInData:
      return "in_data";
    case Stage::kAfterDot:
      return "after_dot";
    case Stage::kDone:
      return "done";
  }
  return "unknown";
}

struct Client::Impl {
  std::shared_ptr<ClientConnection> connection;
};

void Client::Open(net::IoPool& pool, std::string_view address, uint16_t port, ClientOptions options,
                  std::function<void(Opened)> done) {
  auto connection = std::make_shared<ClientConnection>(pool.Next(), std::move(options));
  connection->loop().Post([connection, address = std::string(address), port, done = std::move(done)] {
    connection->Open(address, port, [weak = std::weak_ptr(connection), done](std::optional<Opened> failure) {
      if (failure) return done(*std::move(failure));
      Opened opened;
      opened.client.reset(new Client(std::make_shared<Impl>(Impl{weak.lock()})));
      done(std::move(opened));
    });
  });
}

Client::~Client() {
  impl_->connection->loop().Post([connection = impl_->connection] {
    if (!connection->quitting()) connection->Close();
  });
}

void Client::Send(Transaction mail, std::function<void(Sent)> done) {
  impl_->connection->loop().Post(
      [connection = impl_->connection, mail = std::move(mail), done = std::move(done)]() mutable {
        connection->Send(std::move(mail), std::move(done));
      });
}

bool Client::IsHealthy() const { return impl_->connection->healthy(); }
std::string Client::tls() const { return impl_->connection->facts().tls; }
bool Client::tls_verified() const { return impl_->connection->facts().verified; }
bool Client::Offers(std::string_view extension) const {
  return impl_->connection->facts().extensions.contains(extension);
}

void Client::Quit() {
  impl_->connection->loop().Post([connection = impl_->connection] { connection->Quit(); });
}

void Client::Close() {
  impl_->connection->loop().Post([connection = impl_->connection] { connection->Close(); });
}

}  // namespace sekisho::smtp
