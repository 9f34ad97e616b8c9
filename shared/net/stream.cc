#include "shared/net/stream.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <cstring>

#include "shared/base/bytes.h"
#include "shared/base/handle.h"
#include "shared/net/stream_impl.h"

namespace sekisho::net {
namespace {

constexpr auto kFinishLimit = std::chrono::seconds(1);

using ErrorCode = boost::system::error_code;

Error Failed(const char* what, const ErrorCode& error) {
  return MakeError(Code::kUnavailable, std::string(what) + ": " + error.message());
}

Status StatusOf(const char* what, const ErrorCode& error) { return error ? Status(Failed(what, error)) : Ok(); }

}  // namespace

template <typename Call>
auto Stream::Impl::Told(Call call) {
  return [self = shared_from_this(), kept = owner.lock(), call](const ErrorCode& error, size_t octets = 0) {
    if (self->open && kept != nullptr) call(*self, *kept, error, octets);
  };
}

void Stream::Impl::LearnPeer() {
  ErrorCode ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  asio::ip::address address = socket.remote_endpoint(ignored).address();
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    address = make_address_v4(asio::ip::v4_mapped, address.to_v6());
  remote_address = address.to_string();
  remote_is_loopback = address.is_loopback();
}

void Stream::Impl::ArmTimer() {
  timer_armed = true;
  armed_for = *deadline;
  timer.expires_at(armed_for);
  timer.async_wait([self = shared_from_this()](const ErrorCode& error) {
    if (error || !self->open) return;  // cancelled: armed anew, or closed
    self->timer_armed = false;
    if (!self->deadline) return;
    if (*self->deadline > std::chrono::steady_clock::now()) return self->ArmTimer();  // it was moved meanwhile
    self->deadline.reset();
    if (const auto told = self->owner.lock()) told->OnDeadline();
  });
}

void Stream::Impl::Close() {
  open = false;
  ErrorCode ignored;
  timer.cancel();
  socket.close(ignored);
}

void Stream::Impl::FinishTcp() {
  ErrorCode ignored;
  socket.shutdown(tcp::socket::shutdown_send, ignored);
  Drain();
}

// Reads until the peer closes too, so that our last words are not lost to a reset.
void Stream::Impl::Drain() {
  socket.async_read_some(asio::buffer(drained), [self = shared_from_this()](const ErrorCode& error, size_t) {
    if (error)
      self->Close();
    else
      self->Drain();
  });
}

Stream::Stream(Loop& loop) : impl_(std::make_shared<Impl>(loop)) {}
Stream::Stream(Stream&&) noexcept = default;

Stream& Stream::operator=(Stream&& other) noexcept {
  if (impl_ != nullptr && impl_ != other.impl_) impl_->Close();
  impl_ = std::move(other.impl_);
  return *this;
}

Result<Stream::Pair> Stream::MakePair(Loop& loop, std::string_view name) {
  sockaddr_un own{};
  own.sun_family = AF_UNIX;
  SEKISHO_CHECK(name.size() < sizeof own.sun_path);
  std::memcpy(own.sun_path + 1, name.data(), name.size());  // a leading NUL: abstract
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) {
    return MakeError(Code::kExhausted, "cannot make a pair of sockets");
  }
  Pair pair{Stream(loop), ends[1]};
  ErrorCode error;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (bind(ends[0], reinterpret_cast<const sockaddr*>(&own), size) != 0)
    error.assign(errno, boost::system::system_category());
  if (!error)
    pair.stream.impl_->socket.assign(tcp::v4(), ends[0], error);  // reads and writes are those of any connected socket
  if (!error) return pair;
  close(ends[0]);
  close(ends[1]);
  return Failed("cannot use a pair of sockets", error);
}

Stream::~Stream() {
  if (impl_ != nullptr) impl_->Close();
}

void Stream::SetOwner(std::weak_ptr<Owner> owner) { impl_->owner = std::move(owner); }

void Stream::Connect(std::string_view address, uint16_t port) {
  ErrorCode error;
  const auto literal = asio::ip::make_address(std::string(address), error);
  auto done = impl_->Told([](Impl& impl, Owner& owner, const ErrorCode& failed, size_t) {
    if (!failed) impl.LearnPeer();
    owner.OnOpen(StatusOf("cannot connect", failed));
  });
  if (error) return impl_->loop.Post([done, error] { done(error); });
  impl_->socket.async_connect({literal, port}, std::move(done));
}

void Stream::Impl::Secure(asio::ssl::stream_base::handshake_type side) {
  tls_stream->async_handshake(
      side, Told([](Impl& impl, Owner& owner, const ErrorCode& error, size_t) {
        SSL* const ssl = impl.tls_stream->native_handle();
        if (!error) {
          impl.tls = std::string(SSL_get_version(ssl)) + " " + SSL_get_cipher_name(ssl);
          return owner.OnSecure(Ok());
        }
        const long verified = SSL_get_verify_result(ssl);
        const bool demanded = SSL_is_server(ssl) == 0 && SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE;
        if (!demanded || verified == X509_V_OK) return owner.OnSecure(Failed("the TLS handshake failed", error));
        owner.OnSecure(MakeError(
            Code::kUnauthenticated,
            std::string("the certificate does not prove the host's name: ") + X509_verify_cert_error_string(verified)));
      }));
}

void Stream::SecureAsServer(const TlsContext& context) {
  impl_->tls_stream.emplace(impl_->socket, context.context());
  impl_->Secure(asio::ssl::stream_base::server);
}

void Stream::SecureAsClient(const TlsContext& context, const std::string& host, bool verify) {
  impl_->tls_stream.emplace(impl_->socket, context.context());
  SSL* const ssl = impl_->tls_stream->native_handle();
  impl_->host_asked = !host.empty();
  ErrorCode not_literal;
  asio::ip::make_address(host, not_literal);
  if (!not_literal) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str());
  } else if (!host.empty()) {
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    SSL_set1_host(ssl, host.c_str());
    SSL_set_tlsext_host_name(ssl, host.c_str());
  }
  SSL_set_verify(ssl, verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  impl_->Secure(asio::ssl::stream_base::client);
}

void Stream::Read(char* to, size_t size) {
  auto done = impl_->Told([](Impl&, Owner& owner, const ErrorCode& error, size_t octets) {
    // A peer that closes without close_notify has closed all the same: SMTP's own end marks tell what is whole.
    if (error == asio::error::eof || error == asio::ssl::error::stream_truncated) return owner.OnRead(size_t{0});
    if (error) return owner.OnRead(Failed("cannot read", error));
    owner.OnRead(octets);
  });
  if (impl_->tls_stream)
    impl_->tls_stream->async_read_some(asio::buffer(to, size), std::move(done));
  else
    impl_->socket.async_read_some(asio::buffer(to, size), std::move(done));
}

void Stream::Write(std::span<const std::string_view> pieces) {
  auto done = impl_->Told(
      [](Impl&, Owner& owner, const ErrorCode& error, size_t) { owner.OnWritten(StatusOf("cannot write", error)); });
  if (impl_->tls_stream) {
    if (pieces.size() == 1) return asio::async_write(*impl_->tls_stream, asio::buffer(pieces[0]), std::move(done));
    // Each piece would become a record of its own.
    impl_->joined.clear();
    for (const std::string_view piece : pieces) impl_->joined += piece;
    return asio::async_write(*impl_->tls_stream, asio::buffer(impl_->joined), std::move(done));
  }
  impl_->pieces.clear();
  for (const std::string_view piece : pieces) impl_->pieces.emplace_back(piece.data(), piece.size());
  asio::async_write(impl_->socket, impl_->pieces, std::move(done));  // copies the list, not the octets
}

void Stream::SetDeadline(Duration after) {
  impl_->deadline = std::chrono::steady_clock::now() + after;
  if (impl_->timer_armed && impl_->armed_for <= *impl_->deadline) return;
  impl_->ArmTimer();  // expires_at cancels the wait for a later moment
}

void Stream::ClearDeadline() { impl_->deadline.reset(); }

void Stream::Finish(Stream stream) {
  const std::shared_ptr<Impl> impl = std::move(stream.impl_);
  impl->open = false;
  impl->timer.expires_after(kFinishLimit);
  impl->timer.async_wait([impl](const ErrorCode& error) {
    if (!error) impl->Close();
  });
  if (!impl->tls_stream) return impl->FinishTcp();
  impl->tls_stream->async_shutdown([impl](const ErrorCode&) { impl->FinishTcp(); });
}

const std::string& Stream::remote_address() const { return impl_->remote_address; }
bool Stream::remote_is_loopback() const { return impl_->remote_is_loopback; }
const std::string& Stream::tls() const { return impl_->tls; }
Loop& Stream::loop() const { return impl_->loop; }

bool Stream::verified() const {
  return impl_->host_asked && !impl_->tls.empty() &&
         SSL_get_verify_result(impl_->tls_stream->native_handle()) == X509_V_OK;
}

std::vector<std::string> Stream::PeerChain() const {
  std::vector<std::string> chain;
  if (impl_->tls.empty()) return chain;
  const auto add = [&](X509* certificate) {
    unsigned char* der = nullptr;
    const int size = i2d_X509(certificate, &der);
    if (size > 0) chain.emplace_back(reinterpret_cast<const char*>(der), static_cast<size_t>(size));
    OPENSSL_free(der);
  };
  SSL* const ssl = impl_->tls_stream->native_handle();
  const STACK_OF(X509)* const sent = SSL_get_peer_cert_chain(ssl);
  // A server's view of the chain lacks the client's own certificate.
  if (SSL_is_server(ssl) == 1) {
    const Handle<X509, X509_free> own(SSL_get1_peer_certificate(ssl));
    if (own != nullptr) add(own.get());
  }
  for (int i = 0; i < sk_X509_num(sent); ++i) add(sk_X509_value(sent, i));
  return chain;
}

std::string Stream::PeerCertificateSha256() const {
  if (impl_->tls.empty()) return {};
  const Handle<X509, X509_free> own(SSL_get1_peer_certificate(impl_->tls_stream->native_handle()));
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (own == nullptr || X509_digest(own.get(), EVP_sha256(), digest, &size) != 1) return {};
  return HexEncode({reinterpret_cast<const char*>(digest), size});
}

std::vector<std::string> Stream::PeerNames() const {
  std::vector<std::string> names;
  if (impl_->tls.empty()) return names;
  SSL* const ssl = impl_->tls_stream->native_handle();
  const Handle<X509, X509_free> own(SSL_get1_peer_certificate(ssl));
  if (own == nullptr || SSL_get_verify_result(ssl) != X509_V_OK) return names;
  const Handle<GENERAL_NAMES, GENERAL_NAMES_free> all(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(own.get(), NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(all.get()); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(all.get(), i);
    if (name->type != GEN_DNS) continue;
    names.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                       static_cast<size_t>(ASN1_STRING_length(name->d.dNSName)));
  }
  return names;
}

}  // namespace sekisho::net
