#pragma once
// sekisho.encryption.v1.EncryptionService.

#include "sekisho/encryption/v1/encryption.grpc.pb.h"
#include "services/encryption/adapters/key_book.h"
#include "shared/rpc/auth.h"

namespace sekisho::encryption {

class EncryptionRpc final : public v1::EncryptionService::Service {
 public:
  EncryptionRpc(KeyBook& book, const rpc::Authenticator& authenticator) : book_(book), authenticator_(authenticator) {}

  grpc::Status ImportCertificate(grpc::ServerContext*, const v1::ImportCertificateRequest*,
                                 v1::ImportCertificateResponse*) override;
  grpc::Status ListCertificates(grpc::ServerContext*, const v1::ListCertificatesRequest*,
                                v1::ListCertificatesResponse*) override;
  grpc::Status SetAgreedPassword(grpc::ServerContext*, const v1::SetAgreedPasswordRequest*,
                                 v1::SetAgreedPasswordResponse*) override;

 private:
  KeyBook& book_;
  const rpc::Authenticator& authenticator_;
};

}  // namespace sekisho::encryption
