#pragma once
// The server's certificate, key and CAs as their files have them: what is renewed is used without a restart. For one
// thread at a time.

#include <memory>
#include <string>

#include "sekisho/config/v1/config.pb.h"
#include "shared/base/result.h"
#include "shared/net/tls_context.h"

namespace sekisho::rpc {

class CertificateFiles {
 public:
  // `demand_client_certificate`: with a client CA, who shows none is refused; else only who shows a wrong one.
  CertificateFiles(config::v1::Tls tls, bool demand_client_certificate)
      : tls_(std::move(tls)), demand_client_certificate_(demand_client_certificate) {}

  // New settings when a file has changed since the last call (at the first call always), else null. A change that does
  // not fit together is an error once, and is looked at again when a file changes further: keep the settings there are.
  // Errors: kNotFound and kPermission (others can read the key), kInvalid, naming the file.
  Result<std::shared_ptr<net::TlsContext>> Read();

 private:
  const config::v1::Tls tls_;
  const bool demand_client_certificate_;
  std::string digest_;  // of what the files held
};

}  // namespace sekisho::rpc
