#include "shared/net/listener.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <charconv>
#include <future>

#include "shared/net/stream_impl.h"

namespace sekisho::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr auto kRest = std::chrono::milliseconds(100);  // after an accept that failed: out of descriptors, most likely

}  // namespace

Result<Endpoint> ParseEndpoint(std::string_view text) {
  const auto bad = [&] {
    return MakeError(Code::kInvalid, "'" + std::string(text.substr(0, 60)) + "' is not an address and port, like 127.0.0.1:25 or [::1]:25");
  };
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad();
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']') && host.size() > 2) host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string_view::npos) return bad();
  Endpoint endpoint;
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), endpoint.port);
  if (failed != std::errc() || end != digits.data() + digits.size()) return bad();
  error_code error;
  const auto address = asio::ip::make_address(host == "localhost" ? "127.0.0.1" : std::string(host), error);
  if (error) return bad();
  endpoint.address = address.to_string();
  endpoint.loopback = address.is_loopback();
  return endpoint;
}

struct Listener::Impl : std::enable_shared_from_this<Listener::Impl> {
  Impl(IoPool& all, Accepted handler) : pool(all), home(all.Next()), acceptor(home.context()), rest(home.context()), accepted(std::move(handler)) {}

  void AcceptNext() {
    Loop& loop = pool.Next();
    auto stream = std::make_shared<Stream>(loop);
    auto& socket = stream->impl_->socket;
    acceptor.async_accept(socket, [self = shared_from_this(), stream](const error_code& error) {
      if (self->closed || error == asio::error::operation_aborted) return;
      if (error) {
        self->rest.expires_after(kRest);
        self->rest.async_wait([self](const error_code& stopped) {
          if (!stopped && !self->closed) self->AcceptNext();
        });
        return;
      }
      stream->impl_->NoteRemote();
      stream->loop().Post([self, stream] { self->accepted(std::move(*stream)); });
      self->AcceptNext();
    });
  }

  IoPool& pool;
  Loop& home;
  tcp::acceptor acceptor;
  asio::steady_timer rest;
  Accepted accepted;
  bool closed = false;  // on the home loop
  std::string address;
  uint16_t port = 0;
};

Result<std::unique_ptr<Listener>> Listener::Open(IoPool& pool, std::string_view address, Accepted accepted) {
  SEKISHO_TRY(const Endpoint wanted, ParseEndpoint(address));
  auto impl = std::make_shared<Impl>(pool, std::move(accepted));
  const tcp::endpoint endpoint(asio::ip::make_address(wanted.address), wanted.port);
  error_code error;
  impl->acceptor.open(endpoint.protocol(), error);
  if (!error) impl->acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) impl->acceptor.bind(endpoint, error);
  if (!error) impl->acceptor.listen(1024, error);
  if (error) {
    const Code code = error == asio::error::access_denied ? Code::kPermission : Code::kUnavailable;
    return MakeError(code, "cannot listen on " + std::string(address) + ": " + error.message());
  }
  const auto bound = impl->acceptor.local_endpoint(error);
  impl->port = bound.port();
  impl->address = (bound.address().is_v6() ? "[" + wanted.address + "]" : wanted.address) + ":" + std::to_string(impl->port);
  impl->home.Post([impl] { impl->AcceptNext(); });
  return std::unique_ptr<Listener>(new Listener(std::move(impl)));
}

Listener::~Listener() { Close(); }

std::string Listener::address() const { return impl_->address; }
uint16_t Listener::port() const { return impl_->port; }

void Listener::Close() {
  if (!impl_) return;
  std::promise<void> done;
  impl_->home.Post([this, &done] {
    impl_->closed = true;
    error_code ignored;
    impl_->acceptor.close(ignored);
    impl_->rest.cancel();
    done.set_value();
  });
  done.get_future().wait();
  impl_.reset();
}

}  // namespace sekisho::net
