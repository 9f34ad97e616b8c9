#include "shared/net/tls_context.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <boost/asio/ssl/context.hpp>

namespace sekisho::net {
namespace {

namespace ssl = boost::asio::ssl;

Error FileError(const std::string& what, const std::string& file, const boost::system::error_code& error) {
  return MakeError(Code::kInvalid, what + " " + file + ": " + error.message());
}

std::shared_ptr<ssl::context> MakeContext(ssl::context::method method) {
  auto context = std::make_shared<ssl::context>(method);
  SSL_CTX* raw = context->native_handle();
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS);
  return context;
}

// RFC 7301; a client that offers other protocols only is refused, as RFC 9113 wants it.
int ChooseHttp2(SSL*, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
                unsigned int offered_size, void*) {
  static const unsigned char kHttp2[] = {2, 'h', '2'};
  unsigned char* out = nullptr;
  if (SSL_select_next_proto(&out, size, kHttp2, sizeof kHttp2, offered, offered_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *chosen = out;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

Result<std::shared_ptr<TlsContext>> TlsContext::ForServer(const ServerFiles& files) {
  auto context = MakeContext(ssl::context::tls_server);
  boost::system::error_code error;
  context->use_certificate_chain_file(files.certificate_file, error);
  if (error) return FileError("cannot use the certificate", files.certificate_file, error);
  context->use_private_key_file(files.key_file, ssl::context::pem, error);
  if (error) return FileError("cannot use the key", files.key_file, error);
  if (SSL_CTX_check_private_key(context->native_handle()) != 1) {
    ERR_clear_error();
    return MakeError(Code::kInvalid, "the key " + files.key_file + " is not that of " + files.certificate_file);
  }
  if (!files.client_ca_file.empty()) {
    context->load_verify_file(files.client_ca_file, error);
    if (error) return FileError("cannot use the CAs", files.client_ca_file, error);
    SSL_CTX_set_client_CA_list(context->native_handle(), SSL_load_client_CA_file(files.client_ca_file.c_str()));
    context->set_verify_mode(ssl::verify_peer |
                             (files.demand_client_certificate ? ssl::verify_fail_if_no_peer_cert : ssl::verify_none));
  } else if (files.ask_client_certificate) {
    // Known by fingerprint: any chain will do, the caller compares.
    context->set_verify_mode(ssl::verify_peer);
    context->set_verify_callback([](bool, ssl::verify_context&) { return true; });
  }
  if (files.http2) SSL_CTX_set_alpn_select_cb(context->native_handle(), ChooseHttp2, nullptr);
  static const unsigned char kSessionContext[] = "sekisho";
  SSL_CTX_set_session_id_context(context->native_handle(), kSessionContext, sizeof kSessionContext - 1);
  return std::shared_ptr<TlsContext>(new TlsContext(std::move(context)));
}

Result<std::shared_ptr<TlsContext>> TlsContext::ForClient(const std::string& trust_file) {
  auto context = MakeContext(ssl::context::tls_client);
  boost::system::error_code error;
  if (trust_file.empty())
    context->set_default_verify_paths(error);
  else
    context->load_verify_file(trust_file, error);
  if (error) return FileError("cannot use the CAs", trust_file.empty() ? "of the system" : trust_file, error);
  return std::shared_ptr<TlsContext>(new TlsContext(std::move(context)));
}

}  // namespace sekisho::net
