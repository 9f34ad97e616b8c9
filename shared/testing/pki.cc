#include "shared/testing/pki.h"

#include <openssl/asn1.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <map>
#include <mutex>

#include "shared/base/handle.h"
#include "shared/base/result.h"

namespace sekisho::testing {
namespace {

using Key = std::shared_ptr<EVP_PKEY>;
using X509Handle = Handle<X509, X509_free>;
using BioHandle = Handle<BIO, BIO_free>;

Key MakeKey(std::string_view kind) {
  EVP_PKEY* key = nullptr;
  if (kind.starts_with("RSA-")) {
    key = EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", static_cast<size_t>(std::stoul(std::string(kind.substr(4)))));
  } else if (kind == "Ed25519") {
    key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  } else {
    key = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", std::string(kind).c_str());
  }
  SEKISHO_CHECK(key != nullptr);
  return Key(key, EVP_PKEY_free);
}

Key FindKey(std::string_view kind, std::string_view name) {
  static std::mutex mutex;
  static std::map<std::string, Key> keys;
  const std::lock_guard lock(mutex);
  Key& key = keys[std::string(kind) + '/' + std::string(name)];
  if (key == nullptr) key = MakeKey(kind);
  return key;
}

std::string Contents(BIO* memory) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  return std::string(data, static_cast<size_t>(size));
}

X509Handle ReadCertificate(const std::string& pem) {
  const BioHandle in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return X509Handle(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
}

Key ReadKey(const std::string& pem) {
  const BioHandle in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return Key(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
}

std::string WriteKey(EVP_PKEY* key) {
  const BioHandle out(BIO_new(BIO_s_mem()));
  SEKISHO_CHECK(PEM_write_bio_PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return Contents(out.get());
}

void Extend(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Handle<X509_EXTENSION, X509_EXTENSION_free> extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  SEKISHO_CHECK(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1);
}

void SetTime(ASN1_TIME* to, TimePoint time) {
  SEKISHO_CHECK(ASN1_TIME_adj(to, std::chrono::system_clock::to_time_t(time), 0, 0) != nullptr);
}

void AddName(X509_NAME* name, const char* field, const std::string& value) {
  SEKISHO_CHECK(X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                                           reinterpret_cast<const unsigned char*>(value.data()),
                                           static_cast<int>(value.size()), -1, 0) == 1);
}

using GeneralNames = Handle<GENERAL_NAMES, GENERAL_NAMES_free>;

GeneralNames AlternativeNames(const CertificateRequest& request) {
  GeneralNames names(GENERAL_NAMES_new());
  const auto add = [&](int type, const std::string& value) {
    ASN1_IA5STRING* const text = ASN1_IA5STRING_new();
    ASN1_STRING_set(text, value.data(), static_cast<int>(value.size()));
    GENERAL_NAME* const name = GENERAL_NAME_new();
    GENERAL_NAME_set0_value(name, type, text);
    sk_GENERAL_NAME_push(names.get(), name);
  };
  for (const std::string& address : request.addresses) add(GEN_EMAIL, address);
  for (const std::string& host : request.hosts) add(GEN_DNS, host);
  if (!request.utf8_mailbox.empty()) {
    ASN1_UTF8STRING* const text = ASN1_UTF8STRING_new();
    ASN1_STRING_set(text, request.utf8_mailbox.data(), static_cast<int>(request.utf8_mailbox.size()));
    ASN1_TYPE* const value = ASN1_TYPE_new();
    ASN1_TYPE_set(value, V_ASN1_UTF8STRING, text);
    GENERAL_NAME* const name = GENERAL_NAME_new();
    GENERAL_NAME_set0_othername(name, OBJ_nid2obj(NID_id_on_SmtpUTF8Mailbox), value);
    sk_GENERAL_NAME_push(names.get(), name);
  }
  return names;
}

IssuedCertificate IssueWith(const CertificateRequest& request, const IssuedCertificate* issuer) {
  static std::atomic<uint64_t> serials{1000};
  IssuedCertificate issued;
  issued.serial = ++serials;
  const Key key = FindKey(request.key, request.key_name);
  issued.key_pem = WriteKey(key.get());

  const X509Handle certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()), issued.serial);
  SetTime(X509_getm_notBefore(certificate.get()), request.not_before);
  SetTime(X509_getm_notAfter(certificate.get()), request.not_after);
  X509_set_pubkey(certificate.get(), key.get());
  AddName(X509_get_subject_name(certificate.get()), "CN", request.common_name);
  if (!request.subject_email.empty())
    AddName(X509_get_subject_name(certificate.get()), "emailAddress", request.subject_email);

  const X509Handle parent = issuer == nullptr ? nullptr : ReadCertificate(issuer->certificate_pem);
  X509* const signer = parent == nullptr ? certificate.get() : parent.get();
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(signer));
  Extend(certificate.get(), signer, NID_subject_key_identifier, "hash");
  Extend(certificate.get(), signer, NID_basic_constraints, request.ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
  const std::string usage = request.ca ? "critical,keyCertSign,cRLSign" : request.key_usage;
  if (!usage.empty()) Extend(certificate.get(), signer, NID_key_usage, usage);
  if (!request.extended_key_usage.empty())
    Extend(certificate.get(), signer, NID_ext_key_usage, request.extended_key_usage);
  const GeneralNames names = AlternativeNames(request);
  if (sk_GENERAL_NAME_num(names.get()) > 0)
    X509_add1_ext_i2d(certificate.get(), NID_subject_alt_name, names.get(), 0, 0);

  const Key signing = issuer == nullptr ? key : ReadKey(issuer->key_pem);
  SEKISHO_CHECK(X509_sign(certificate.get(), signing.get(), EVP_get_digestbyname(request.digest.c_str())) > 0);
  const BioHandle out(BIO_new(BIO_s_mem()));
  SEKISHO_CHECK(PEM_write_bio_X509(out.get(), certificate.get()) == 1);
  issued.certificate_pem = Contents(out.get());
  return issued;
}

}  // namespace

TestCa::TestCa(std::string_view name, TimePoint not_before, TimePoint not_after, const TestCa* parent,
               std::string extended_key_usage, std::string digest)
    : name_(name) {
  CertificateRequest request;
  request.key_name = name_;
  request.common_name = name_;
  request.not_before = not_before;
  request.not_after = not_after;
  request.extended_key_usage = std::move(extended_key_usage);
  request.digest = std::move(digest);
  request.ca = true;
  own_ = IssueWith(request, parent == nullptr ? nullptr : &parent->own_);
}

IssuedCertificate TestCa::Issue(const CertificateRequest& request) const { return IssueWith(request, &own_); }

std::string TestCa::RevocationListPem(const std::vector<uint64_t>& revoked, TimePoint this_update,
                                      TimePoint next_update) const {
  const Handle<X509_CRL, X509_CRL_free> list(X509_CRL_new());
  const X509Handle own = ReadCertificate(own_.certificate_pem);
  X509_CRL_set_version(list.get(), 1);
  X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(own.get()));
  const Handle<ASN1_TIME, ASN1_TIME_free> last(ASN1_TIME_new()), next(ASN1_TIME_new());
  SetTime(last.get(), this_update);
  SetTime(next.get(), next_update);
  X509_CRL_set1_lastUpdate(list.get(), last.get());
  X509_CRL_set1_nextUpdate(list.get(), next.get());
  for (const uint64_t serial : revoked) {
    X509_REVOKED* const entry = X509_REVOKED_new();
    const Handle<ASN1_INTEGER, ASN1_INTEGER_free> number(ASN1_INTEGER_new());
    ASN1_INTEGER_set_uint64(number.get(), serial);
    X509_REVOKED_set_serialNumber(entry, number.get());
    X509_REVOKED_set_revocationDate(entry, last.get());
    X509_CRL_add0_revoked(list.get(), entry);
  }
  X509_CRL_sort(list.get());
  SEKISHO_CHECK(X509_CRL_sign(list.get(), ReadKey(own_.key_pem).get(), EVP_sha256()) > 0);
  const BioHandle out(BIO_new(BIO_s_mem()));
  SEKISHO_CHECK(PEM_write_bio_X509_CRL(out.get(), list.get()) == 1);
  return Contents(out.get());
}

std::string TestKeyPem(std::string_view kind, std::string_view name) { return WriteKey(FindKey(kind, name).get()); }

}  // namespace sekisho::testing
