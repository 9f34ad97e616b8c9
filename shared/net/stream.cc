#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/write.hpp>

#include "shared/base/bytes.h"
#include "shared/net/stream_impl.h"

namespace sekisho::net {
namespace {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
using boost::system::error_code;

constexpr auto kLinger = std::chrono::seconds(1);

Error NetError(const error_code& error) {
  if (error == asio::error::operation_aborted) return MakeError(Code::kCancelled, "cancelled");
  return MakeError(Code::kUnavailable, error.message());
}

}  // namespace

void Stream::Impl::NoteRemote() {
  error_code ignored;
  const auto endpoint = socket.remote_endpoint(ignored);
  auto address = endpoint.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  remote = ignored ? "" : address.to_string();
  loopback = !ignored && address.is_loopback();
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
}

void Stream::Impl::NoteTls() {
  SSL* raw = secure->native_handle();
  tls = std::string(SSL_get_version(raw)) + " " + SSL_get_cipher_name(raw);
}

void Stream::Impl::Close() {
  error_code ignored;
  timer.cancel();
  socket.close(ignored);
}

// One timer is moved only when it fires too early: setting a deadline for each read costs an assignment.
void Stream::Impl::ArmTimer() {
  if (armed || deadline == std::chrono::steady_clock::time_point{}) return;
  armed = true;
  timer.expires_at(deadline);
  timer.async_wait([self = shared_from_this()](const error_code& error) {
    self->armed = false;
    if (error || self->owner == nullptr || self->deadline == std::chrono::steady_clock::time_point{}) return;
    if (std::chrono::steady_clock::now() < self->deadline) return self->ArmTimer();
    self->deadline = {};
    self->owner->OnDeadline();
  });
}

Stream::Stream(Loop& loop) : impl_(std::make_shared<Impl>(loop)) {}
Stream::Stream(Stream&&) noexcept = default;
Stream& Stream::operator=(Stream&& other) noexcept {
  if (this != &other) {
    if (impl_) {
      impl_->owner = nullptr;
      impl_->Close();
    }
    impl_ = std::move(other.impl_);
  }
  return *this;
}

Stream::~Stream() {
  if (!impl_) return;
  impl_->owner = nullptr;
  impl_->Close();
}

void Stream::SetOwner(Owner* owner) { impl_->owner = owner; }

void Stream::Connect(std::string_view address, uint16_t port) {
  error_code error;
  const auto parsed = asio::ip::make_address(std::string(address), error);
  if (error) {
    impl_->loop.Post([self = impl_] {
      if (self->owner != nullptr) self->owner->OnOpen(MakeError(Code::kInvalid, "not an address"));
    });
    return;
  }
  impl_->socket.async_connect({parsed, port}, [self = impl_](const error_code& failed) {
    if (self->owner == nullptr) return;
    if (!failed) self->NoteRemote();
    self->owner->OnOpen(failed ? Status(NetError(failed)) : Ok());
  });
}

void Stream::SecureAsServer(const TlsContext& context) {
  impl_->secure.emplace(impl_->socket, context.context());
  impl_->secure->async_handshake(ssl::stream_base::server, [self = impl_](const error_code& failed) {
    if (self->owner == nullptr) return;
    if (!failed) {
      self->NoteTls();
      X509* certificate = SSL_get0_peer_certificate(self->secure->native_handle());
      self->verified = certificate != nullptr && SSL_get_verify_result(self->secure->native_handle()) == X509_V_OK;
    }
    self->owner->OnSecure(failed ? Status(NetError(failed)) : Ok());
  });
}

void Stream::SecureAsClient(const TlsContext& context, const std::string& host, bool verify) {
  impl_->secure.emplace(impl_->socket, context.context());
  SSL* raw = impl_->secure->native_handle();
  // A literal is no name for SNI (RFC 6066 §3).
  error_code literal;
  asio::ip::make_address(host, literal);
  if (literal) SSL_set_tlsext_host_name(raw, host.c_str());
  // The answer of the chain and the name is kept; whether it matters is the caller's to say.
  impl_->secure->set_verify_mode(ssl::verify_peer);
  auto good = std::make_shared<bool>(true);
  impl_->secure->set_verify_callback(
      [good, verify, match = ssl::host_name_verification(host)](bool preverified, ssl::verify_context& chain) mutable {
        if (!match(preverified, chain)) *good = false;
        return verify ? *good : true;
      });
  impl_->secure->async_handshake(ssl::stream_base::client, [self = impl_, good](const error_code& failed) {
    if (self->owner == nullptr) return;
    if (!failed) {
      self->NoteTls();
      self->verified = *good;
      return self->owner->OnSecure(Ok());
    }
    if (!*good) {
      return self->owner->OnSecure(MakeError(Code::kUnauthenticated, "the certificate does not prove the name of the host"));
    }
    self->owner->OnSecure(NetError(failed));
  });
}

void Stream::Read(char* to, size_t size) {
  const auto done = [self = impl_](const error_code& failed, size_t octets) {
    if (self->owner == nullptr) return;
    if (failed == asio::error::eof || failed == ssl::error::stream_truncated) return self->owner->OnRead(size_t{0});
    if (failed) return self->owner->OnRead(NetError(failed));
    self->owner->OnRead(octets);
  };
  if (impl_->secure) impl_->secure->async_read_some(asio::buffer(to, size), done);
  else impl_->socket.async_read_some(asio::buffer(to, size), done);
}

void Stream::Write(std::span<const std::string_view> pieces) {
  const auto done = [self = impl_](const error_code& failed, size_t) {
    if (self->owner == nullptr) return;
    self->owner->OnWritten(failed ? Status(NetError(failed)) : Ok());
  };
  if (impl_->secure) {
    // Each buffer would become a record of its own: small ones are joined.
    if (pieces.size() == 1) return asio::async_write(*impl_->secure, asio::buffer(pieces[0].data(), pieces[0].size()), done);
    impl_->joined.clear();
    for (const std::string_view piece : pieces) impl_->joined += piece;
    return asio::async_write(*impl_->secure, asio::buffer(impl_->joined), done);
  }
  std::vector<asio::const_buffer> buffers;
  buffers.reserve(pieces.size());
  for (const std::string_view piece : pieces) buffers.emplace_back(piece.data(), piece.size());
  asio::async_write(impl_->socket, buffers, done);
}

void Stream::SetDeadline(Duration after) {
  const auto at = std::chrono::steady_clock::now() + after;
  const bool sooner = impl_->armed && at < impl_->timer.expiry();
  impl_->deadline = at;
  if (sooner) {
    impl_->timer.cancel();
    impl_->armed = false;
  }
  impl_->ArmTimer();
}

void Stream::ClearDeadline() { impl_->deadline = {}; }

void Stream::Finish(Stream stream) {
  const std::shared_ptr<Impl> impl = std::move(stream.impl_);
  if (!impl) return;
  impl->owner = nullptr;
  impl->timer.cancel();
  impl->armed = false;
  impl->timer.expires_after(kLinger);
  impl->timer.async_wait([impl](const error_code&) { impl->Close(); });
  const auto wait_for_peer = [impl](const error_code&) {
    error_code ignored;
    impl->socket.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    // What the peer still sends is read and thrown away: closing over unread octets would reset what it has not read of ours.
    struct Drain {
      static void Go(std::shared_ptr<Impl> of, std::shared_ptr<std::array<char, 4096>> into) {
        of->socket.async_read_some(asio::buffer(*into), [of, into](const error_code& ended, size_t) {
          if (ended) of->Close();
          else Go(of, into);
        });
      }
    };
    Drain::Go(impl, std::make_shared<std::array<char, 4096>>());
  };
  if (impl->secure) impl->secure->async_shutdown(wait_for_peer);
  else wait_for_peer({});
}

const std::string& Stream::remote_address() const { return impl_->remote; }
bool Stream::remote_is_loopback() const { return impl_->loopback; }
const std::string& Stream::tls() const { return impl_->tls; }
bool Stream::verified() const { return impl_->verified; }
Loop& Stream::loop() const { return impl_->loop; }

std::vector<std::string> Stream::PeerChain() const {
  std::vector<std::string> chain;
  if (!impl_->secure) return chain;
  const auto add = [&](X509* certificate) {
    unsigned char* der = nullptr;
    const int size = i2d_X509(certificate, &der);
    if (size > 0) chain.emplace_back(reinterpret_cast<char*>(der), static_cast<size_t>(size));
    OPENSSL_free(der);
  };
  SSL* raw = impl_->secure->native_handle();
  STACK_OF(X509)* certificates = SSL_get_peer_cert_chain(raw);
  // A server sees the client's own certificate apart from its chain.
  if (SSL_is_server(raw) == 1) {
    if (X509* own = SSL_get0_peer_certificate(raw); own != nullptr) add(own);
  }
  for (int i = 0; i < sk_X509_num(certificates); ++i) add(sk_X509_value(certificates, i));
  return chain;
}

std::string Stream::PeerCertificateSha256() const {
  if (!impl_->secure) return {};
  X509* certificate = SSL_get0_peer_certificate(impl_->secure->native_handle());
  if (certificate == nullptr) return {};
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (X509_digest(certificate, EVP_sha256(), digest, &size) != 1) return {};
  return HexEncode({reinterpret_cast<char*>(digest), size});
}

}  // namespace sekisho::net
