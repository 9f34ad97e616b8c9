#pragma once
// Certificates of any quality, made on the spot. Keys are made once for a process and used again: making RSA keys is
// slow.

#include <string>
#include <string_view>
#include <vector>

#include "shared/base/clock.h"

struct x509_st;
struct evp_pkey_st;

namespace sekisho::testing {

struct CertificateRequest {
  std::string key = "P-256";  // "RSA-1024", "RSA-2048", "P-256", "P-384", "Ed25519"
  std::string key_name;       // another key of the same kind for each name
  std::string common_name = "test";
  std::vector<std::string> addresses;  // into the subject alternative name
  std::vector<std::string> hosts;      // DNS names, into the subject alternative name
  std::string subject_email;           // emailAddress in the subject; empty: none
  std::string utf8_mailbox;            // SmtpUTF8Mailbox; empty: none
  std::string key_usage = "critical,digitalSignature,keyEncipherment,keyAgreement";  // empty: no such extension
  std::string extended_key_usage = "emailProtection";
  TimePoint not_before, not_after;
  std::string digest = "SHA256";
  bool ca = false;  // then key usage is that of a CA
};

struct IssuedCertificate {
  std::string certificate_pem, key_pem;
  uint64_t serial = 0;
};

// A CA. Self-signed, or issued by another.
class TestCa {
 public:
  TestCa(std::string_view name, TimePoint not_before, TimePoint not_after, const TestCa* parent = nullptr,
         std::string extended_key_usage = {}, std::string digest = "SHA256");
  IssuedCertificate Issue(const CertificateRequest& request) const;
  // A revocation list of this CA.
  std::string RevocationListPem(const std::vector<uint64_t>& revoked, TimePoint this_update,
                                TimePoint next_update) const;
  const std::string& certificate_pem() const { return own_.certificate_pem; }

 private:
  std::string name_;
  IssuedCertificate own_;
};

// The PEM of a private key, by kind and name as in CertificateRequest.
std::string TestKeyPem(std::string_view kind, std::string_view name = {});

}  // namespace sekisho::testing
