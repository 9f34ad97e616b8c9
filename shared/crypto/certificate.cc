#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <ctime>

#include "shared/base/bytes.h"
#include "shared/crypto/digest.h"
#include "shared/crypto/key_algorithm.h"
#include "shared/crypto/openssl.h"
#include "shared/crypto/x509.h"

namespace sekisho::crypto {
namespace {

constexpr size_t kMaxBundleOctets = 1 << 20;

std::string NameText(const X509_NAME* name) {
  const BioHandle out(BIO_new(BIO_s_mem()));
  SEKISHO_CHECK(out != nullptr);
  X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB));
  return Contents(out.get());
}

// Nothing for a string with controls: "victim@example.jp\0.attacker.example" names nobody.
void AddAddress(const ASN1_STRING* text, std::vector<std::string>& addresses) {
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, text);
  if (size < 0) {
    ERR_clear_error();
    return;
  }
  std::string address(reinterpret_cast<char*>(utf8), static_cast<size_t>(size));
  OPENSSL_free(utf8);
  for (const unsigned char c : address) {
    if (c <= ' ' || c == 0x7f) return;
  }
  if (address.find('@') == std::string::npos) return;
  for (const std::string& known : addresses) {
    if (AsciiEqualsIgnoreCase(known, address)) return;
  }
  addresses.push_back(std::move(address));
}

std::vector<std::string> Addresses(const X509* certificate) {
  std::vector<std::string> addresses;
  const Handle<GENERAL_NAMES, GENERAL_NAMES_free> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_EMAIL) AddAddress(name->d.rfc822Name, addresses);
    if (name->type == GEN_OTHERNAME && OBJ_obj2nid(name->d.otherName->type_id) == NID_id_on_SmtpUTF8Mailbox &&
        name->d.otherName->value->type == V_ASN1_UTF8STRING) {
      AddAddress(name->d.otherName->value->value.utf8string, addresses);
    }
  }
  const X509_NAME* const subject = X509_get_subject_name(certificate);
  for (int at = -1; (at = X509_NAME_get_index_by_NID(subject, NID_pkcs9_emailAddress, at)) >= 0;) {
    AddAddress(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)), addresses);
  }
  return addresses;
}

Result<TimePoint> ToTimePoint(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return OpenSslError(Code::kInvalid, "a certificate's date can't be read");
  return TimePoint(std::chrono::seconds(timegm(&parts)));
}

}  // namespace

Result<Certificate> Certificate::FromNative(x509_st* owned) {
  const std::shared_ptr<X509> native(owned, X509_free);
  // Reads and caches the extensions, so that later use from several threads writes nothing.
  if ((X509_get_extension_flags(owned) & EXFLAG_INVALID) != 0) {
    return OpenSslError(Code::kInvalid, "a certificate's extensions can't be read");
  }
  EVP_PKEY* const key = X509_get0_pubkey(owned);
  if (key == nullptr) return OpenSslError(Code::kInvalid, "a certificate's public key can't be read");

  unsigned char* der = nullptr;
  const int size = i2d_X509(owned, &der);
  if (size < 0) return OpenSslError(Code::kInvalid, "a certificate can't be encoded");
  const std::string octets(reinterpret_cast<char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);

  auto facts = std::make_shared<Facts>();
  facts->native = native;
  facts->fingerprint = HexEncode(Sha256(octets));
  facts->subject = NameText(X509_get_subject_name(owned));
  facts->issuer = NameText(X509_get_issuer_name(owned));
  facts->algorithm = KeyAlgorithm(key);
  facts->addresses = Addresses(owned);
  SEKISHO_TRY(facts->not_before, ToTimePoint(X509_get0_notBefore(owned)));
  SEKISHO_TRY(facts->not_after, ToTimePoint(X509_get0_notAfter(owned)));
  return Certificate(std::move(facts));
}

Result<std::vector<Certificate>> Certificate::ParseBundle(std::string_view pem_or_der) {
  if (pem_or_der.size() > kMaxBundleOctets) return MakeError(Code::kInvalid, "a certificate file is larger than 1 MiB");
  std::vector<Certificate> bundle;
  if (pem_or_der.find("-----BEGIN") == std::string_view::npos) {
    const unsigned char* at = Bytes(pem_or_der);
    X509* const native = d2i_X509(nullptr, &at, static_cast<long>(pem_or_der.size()));
    if (native == nullptr) return OpenSslError(Code::kInvalid, "not a certificate, neither PEM nor DER");
    SEKISHO_TRY(Certificate certificate, FromNative(native));
    if (at != Bytes(pem_or_der) + pem_or_der.size()) return MakeError(Code::kInvalid, "octets follow the certificate");
    bundle.push_back(std::move(certificate));
    return bundle;
  }
  const BioHandle in = ReadFrom(pem_or_der);
  while (X509* const native = PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr)) {
    SEKISHO_TRY(Certificate certificate, FromNative(native));
    bundle.push_back(std::move(certificate));
  }
  if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
    return OpenSslError(Code::kInvalid, "a certificate in the file can't be read");
  }
  ERR_clear_error();
  if (bundle.empty()) return MakeError(Code::kInvalid, "the file holds no certificate");
  return bundle;
}

bool Certificate::Names(std::string_view address) const {
  for (const std::string& named : addresses()) {
    if (AsciiEqualsIgnoreCase(named, address)) return true;
  }
  return false;
}

std::string Certificate::Pem() const {
  const BioHandle out(BIO_new(BIO_s_mem()));
  SEKISHO_CHECK(out != nullptr && PEM_write_bio_X509(out.get(), native()) == 1);
  return Contents(out.get());
}

Result<std::vector<RevocationList>> RevocationList::ParseBundle(std::string_view pem_or_der) {
  constexpr size_t kMaxListOctets = 64 << 20;
  if (pem_or_der.size() > kMaxListOctets) return MakeError(Code::kInvalid, "a revocation list is larger than 64 MiB");
  std::vector<RevocationList> bundle;
  if (pem_or_der.find("-----BEGIN") == std::string_view::npos) {
    const unsigned char* at = Bytes(pem_or_der);
    const std::shared_ptr<X509_CRL> native(d2i_X509_CRL(nullptr, &at, static_cast<long>(pem_or_der.size())),
                                           X509_CRL_free);
    if (native == nullptr) return OpenSslError(Code::kInvalid, "not a revocation list, neither PEM nor DER");
    bundle.push_back(RevocationList(native));
    return bundle;
  }
  const BioHandle in = ReadFrom(pem_or_der);
  while (X509_CRL* const native = PEM_read_bio_X509_CRL(in.get(), nullptr, nullptr, nullptr)) {
    bundle.push_back(RevocationList(std::shared_ptr<X509_CRL>(native, X509_CRL_free)));
  }
  if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
    return OpenSslError(Code::kInvalid, "a revocation list in the file can't be read");
  }
  ERR_clear_error();
  if (bundle.empty()) return MakeError(Code::kInvalid, "the file holds no revocation list");
  return bundle;
}

}  // namespace sekisho::crypto
