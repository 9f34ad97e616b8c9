#include "shared/net/listener.h"

#include <boost/asio/post.hpp>
#include <future>

#include "shared/net/stream_impl.h"

namespace sekisho::net {
namespace {

constexpr auto kPauseAfterError = std::chrono::milliseconds(100);

using ErrorCode = boost::system::error_code;

std::string Format(const tcp::endpoint& endpoint) {
  const std::string address = endpoint.address().to_string();
  return (endpoint.address().is_v6() ? "[" + address + "]" : address) + ":" + std::to_string(endpoint.port());
}

}  // namespace

struct Listener::Impl : std::enable_shared_from_this<Listener::Impl> {
  Impl(IoPool& its_pool, Loop& its_loop, Accepted its_accepted)
      : pool(its_pool),
        loop(its_loop),
        acceptor(its_loop.context()),
        pause(its_loop.context()),
        accepted(std::move(its_accepted)) {}

  void Accept() {
    Loop& to = pool.Next();
    acceptor.async_accept(to.context(), [self = shared_from_this(), &to](const ErrorCode& error, tcp::socket socket) {
      if (error == asio::error::operation_aborted || !self->acceptor.is_open()) return;
      if (error) return self->AcceptLater();
      // The socket's memory is touched on its own loop from here on.
      asio::post(to.context(),
                 [self, &to, handed = std::move(socket)]() mutable { self->HandOver(to, std::move(handed)); });
      self->Accept();
    });
  }

  // Out of descriptors, most likely: trying at once would only burn the processor.
  void AcceptLater() {
    pause.expires_after(kPauseAfterError);
    pause.async_wait([self = shared_from_this()](const ErrorCode& error) {
      if (!error && self->acceptor.is_open()) self->Accept();
    });
  }

  void HandOver(Loop& to, tcp::socket socket) const {
    Stream stream(to);
    stream.impl_->socket = std::move(socket);
    stream.impl_->LearnPeer();
    accepted(std::move(stream));
  }

  void Close() {
    ErrorCode ignored;
    acceptor.close(ignored);
    pause.cancel();
  }

  IoPool& pool;
  Loop& loop;
  tcp::acceptor acceptor;
  asio::steady_timer pause;
  const Accepted accepted;
  tcp::endpoint bound;
  bool closed = false;  // of the owner's side
};

Result<std::unique_ptr<Listener>> Listener::Open(IoPool& pool, std::string_view address, Accepted accepted) {
  SEKISHO_TRY(const Endpoint endpoint, ParseEndpoint(address));
  auto impl = std::make_shared<Impl>(pool, pool.at(0), std::move(accepted));
  const tcp::endpoint where(asio::ip::make_address(endpoint.address), endpoint.port);
  ErrorCode error;
  tcp::acceptor& acceptor = impl->acceptor;
  acceptor.open(where.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(where, error);
  if (!error) acceptor.listen(tcp::acceptor::max_listen_connections, error);
  if (!error) impl->bound = acceptor.local_endpoint(error);
  if (error) {
    const Code code = error == asio::error::access_denied ? Code::kPermission : Code::kUnavailable;
    return MakeError(code, "cannot listen on " + std::string(address) + ": " + error.message());
  }
  impl->loop.Post([impl] { impl->Accept(); });
  return std::unique_ptr<Listener>(new Listener(std::move(impl)));
}

Listener::~Listener() { Close(); }

std::string Listener::address() const { return Format(impl_->bound); }
uint16_t Listener::port() const { return impl_->bound.port(); }

void Listener::Close() {
  if (std::exchange(impl_->closed, true)) return;
  std::promise<void> closed;
  impl_->loop.Post([impl = impl_, &closed] {
    impl->Close();
    closed.set_value();
  });
  closed.get_future().wait();
}

}  // namespace sekisho::net
