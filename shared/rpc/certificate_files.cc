#include "shared/rpc/certificate_files.h"

#include "shared/config/loader.h"
#include "shared/crypto/digest.h"

namespace sekisho::rpc {

Result<std::shared_ptr<net::TlsContext>> CertificateFiles::Read() {
  // Absent, or readable by others: said as for any other secret file.
  SEKISHO_TRY(const std::string certificate, config::ReadWholeFile(tls_.certificate_file()));
  SEKISHO_TRY(const std::string key, config::ReadSecretFile(tls_.key_file()));
  std::string authorities;
  if (!tls_.client_ca_file().empty()) {
    SEKISHO_TRY(authorities, config::ReadWholeFile(tls_.client_ca_file()));
  }
  std::string digest = crypto::Sha256(certificate) + crypto::Sha256(key) + crypto::Sha256(authorities);
  if (digest == digest_) return std::shared_ptr<net::TlsContext>();
  digest_ = std::move(digest);
  return net::TlsContext::ForServer({.certificate_file = tls_.certificate_file(),
                                     .key_file = tls_.key_file(),
                                     .client_ca_file = tls_.client_ca_file(),
                                     .demand_client_certificate = demand_client_certificate_,
                                     .http2 = true});
}

}  // namespace sekisho::rpc
