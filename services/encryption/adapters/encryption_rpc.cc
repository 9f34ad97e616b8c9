#include "services/encryption/adapters/encryption_rpc.h"

#include "shared/observe/log.h"
#include "shared/rpc/error.h"

namespace sekisho::encryption {
namespace {

constexpr char kService[] = "/sekisho.encryption.v1.EncryptionService/";

}  // namespace

grpc::Status EncryptionRpc::ImportCertificate(grpc::ServerContext* context, const v1::ImportCertificateRequest* request,
                                              v1::ImportCertificateResponse* response) {
  const auto principal = authenticator_.Authenticate(*context, std::string(kService) + "ImportCertificate");
  if (!principal.ok()) return rpc::ToStatus(principal.error());
  auto imported = book_.Import(request->certificate(), request->address());
  if (!imported.ok()) {
    return rpc::ToStatus(imported.error(), imported.error().code == Code::kInvalid ? "CERTIFICATE_REFUSED" : "");
  }
  observe::Log(observe::Level::kInfo, "certificate.imported", {{"fingerprint", imported->fingerprint_sha256()}});
  *response->mutable_certificate() = *std::move(imported);
  return grpc::Status::OK;
}

grpc::Status EncryptionRpc::ListCertificates(grpc::ServerContext* context, const v1::ListCertificatesRequest* request,
                                             v1::ListCertificatesResponse* response) {
  const auto principal = authenticator_.Authenticate(*context, std::string(kService) + "ListCertificates");
  if (!principal.ok()) return rpc::ToStatus(principal.error());
  if (const Status fresh = book_.Refresh(); !fresh.ok()) return rpc::ToStatus(fresh.error());
  for (v1::Certificate& one : book_.List(request->address())) *response->add_certificates() = std::move(one);
  return grpc::Status::OK;
}

grpc::Status EncryptionRpc::SetAgreedPassword(grpc::ServerContext* context, const v1::SetAgreedPasswordRequest* request,
                                              v1::SetAgreedPasswordResponse* response) {
  const auto principal = authenticator_.Authenticate(*context, std::string(kService) + "SetAgreedPassword");
  if (!principal.ok()) return rpc::ToStatus(principal.error());
  const auto id = book_.Agree(request->recipient(), Secret<std::string>(request->password()));
  if (!id.ok()) return rpc::ToStatus(id.error());
  observe::Log(observe::Level::kInfo, "password.agreed", {{"id", *id}});
  response->set_id(*id);
  return grpc::Status::OK;
}

}  // namespace sekisho::encryption
