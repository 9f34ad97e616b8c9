#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>

#include "shared/crypto/openssl.h"
#include "shared/crypto/x509.h"

namespace sekisho::crypto {
namespace {

struct FreeStackOnly {
  void operator()(STACK_OF(X509) * stack) const { sk_X509_free(stack); }
  void operator()(STACK_OF(X509_CRL) * stack) const { sk_X509_CRL_free(stack); }
};
using BorrowedCertificates = std::unique_ptr<STACK_OF(X509), FreeStackOnly>;
using BorrowedLists = std::unique_ptr<STACK_OF(X509_CRL), FreeStackOnly>;
using StoreContext = Handle<X509_STORE_CTX, X509_STORE_CTX_free>;

constexpr int kSecurityLevel = 2;  // 112 bits: RSA 2048, no SHA-1

Error Refused(std::string what) { return MakeError(Code::kPrecondition, std::move(what)); }

std::string Day(TimePoint time) { return FormatRfc3339(time).substr(0, 10); }

Status CheckDates(const Certificate& certificate, TimePoint now) {
  if (now < certificate.not_before()) {
    return Refused("the certificate is valid only from " + Day(certificate.not_before()) +
                   ": wait until then, or use another");
  }
  if (now > certificate.not_after()) {
    return Refused("the certificate expired on " + Day(certificate.not_after()) + ": ask its owner for the new one");
  }
  return Ok();
}

Status CheckStrength(const Certificate& certificate) {
  const EVP_PKEY* const key = X509_get0_pubkey(certificate.native());
  const int kind = EVP_PKEY_get_base_id(key);
  const int bits = EVP_PKEY_get_bits(key);
  if ((kind == EVP_PKEY_RSA && bits < 2048) || (kind == EVP_PKEY_EC && bits < 256)) {
    return Refused("the certificate's key is weak (" + certificate.algorithm() +
                   "): ask its owner for one with RSA of 2048 bits or more, or P-256");
  }
  return Ok();
}

Status CheckExtendedUse(const Certificate& certificate) {
  // UINT32_MAX: the extension is absent, which allows everything.
  const uint32_t extended = X509_get_extended_key_usage(certificate.native());
  if (extended == UINT32_MAX || (extended & (XKU_SMIME | XKU_ANYEKU)) != 0) return Ok();
  return Refused(
      "the certificate isn't meant for mail (its extended key usage lacks emailProtection): ask its owner for an "
      "S/MIME certificate");
}

Status CheckEncryptionUse(const Certificate& certificate) {
  SEKISHO_RETURN_IF_ERROR(CheckExtendedUse(certificate));
  const int kind = EVP_PKEY_get_base_id(X509_get0_pubkey(certificate.native()));
  const uint32_t usage = X509_get_key_usage(certificate.native());
  if (kind == EVP_PKEY_RSA && (usage & KU_KEY_ENCIPHERMENT) != 0) return Ok();
  if (kind == EVP_PKEY_EC && (usage & KU_KEY_AGREEMENT) != 0) return Ok();
  if (kind != EVP_PKEY_RSA && kind != EVP_PKEY_EC) {
    return Refused("nothing can be encrypted to a key of this kind (" + certificate.algorithm() +
                   "): ask for RSA or P-256");
  }
  return Refused(
      "the certificate is for signing only (its key usage forbids encryption): ask its owner for the encryption one");
}

Error ExplainChain(int error, int depth) {
  const std::string subject = depth == 0 ? "the certificate" : "a CA certificate above it";
  switch (error) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return Refused(
          "its chain doesn't lead to a trusted CA: import it together with the CA certificates between, or add its "
          "CA to the trust file");
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return Refused(subject + " isn't valid yet");
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return Refused(subject + " has expired: ask for a new one");
    case X509_V_ERR_CERT_REVOKED:
      return Refused(subject + " was revoked: ask its owner for a new one");
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_CRL_HAS_EXPIRED:
    case X509_V_ERR_CRL_NOT_YET_VALID:
      return Refused("whether " + subject +
                     " was revoked can't be told: a current revocation list of its issuer is needed");
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
    case X509_V_ERR_CA_MD_TOO_WEAK:
      return Refused(subject + " is weak (a short key, or signed with SHA-1): ask for one by today's measure");
    default:
      return Refused(subject + ": " + X509_verify_cert_error_string(error));
  }
}

TimePoint NextUpdate(const X509_CRL* list) {
  std::tm parts{};
  const ASN1_TIME* const time = X509_CRL_get0_nextUpdate(list);
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return TimePoint::max();
  return TimePoint(std::chrono::seconds(timegm(&parts)));
}

TimePoint FromAsn1(const ASN1_TIME* time) {
  std::tm parts{};
  SEKISHO_CHECK(ASN1_TIME_to_tm(time, &parts) == 1);  // the chain was verified, dates included
  return TimePoint(std::chrono::seconds(timegm(&parts)));
}

// Every CA of the verified chain must be one for mail, and says how long the answer holds.
Result<Validity> JudgeChain(STACK_OF(X509) * verified) {
  Validity validity{TimePoint::min(), TimePoint::max()};
  for (int i = 0; i < sk_X509_num(verified); ++i) {
    X509* const link = sk_X509_value(verified, i);
    if (i > 0 && X509_check_purpose(link, X509_PURPOSE_SMIME_SIGN, 1) == 0) {
      return Refused("a CA certificate above it isn't meant for mail: ask for a certificate of another CA");
    }
    validity.from = std::max(validity.from, FromAsn1(X509_get0_notBefore(link)));
    validity.until = std::min(validity.until, FromAsn1(X509_get0_notAfter(link)));
  }
  return validity;
}

}  // namespace

TrustStore::TrustStore(std::span<const Certificate> anchors) : native_(X509_STORE_new(), X509_STORE_free) {
  SEKISHO_CHECK(native_ != nullptr);
  for (const Certificate& anchor : anchors) SEKISHO_CHECK(X509_STORE_add_cert(native_.get(), anchor.native()) == 1);
}

Result<Validity> VerifyForEncryption(const Certificate& certificate, std::span<const Certificate> chain,
                                     const TrustStore& trust, std::string_view address, TimePoint now,
                                     std::span<const RevocationList> revocations) {
  if (!address.empty() && !certificate.Names(address)) {
    return Refused("the certificate doesn't name the recipient's address: ask for one that does");
  }
  SEKISHO_RETURN_IF_ERROR(CheckDates(certificate, now));
  SEKISHO_RETURN_IF_ERROR(CheckStrength(certificate));
  SEKISHO_RETURN_IF_ERROR(CheckEncryptionUse(certificate));

  const BorrowedCertificates untrusted(sk_X509_new_null());
  for (const Certificate& link : chain) SEKISHO_CHECK(sk_X509_push(untrusted.get(), link.native()) > 0);
  const BorrowedLists lists(sk_X509_CRL_new_null());
  for (const RevocationList& list : revocations) SEKISHO_CHECK(sk_X509_CRL_push(lists.get(), list.native()) > 0);

  const StoreContext context(X509_STORE_CTX_new());
  SEKISHO_CHECK(context != nullptr &&
                X509_STORE_CTX_init(context.get(), trust.native(), certificate.native(), untrusted.get()) == 1);
  X509_VERIFY_PARAM* const parameters = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_time(parameters, std::chrono::system_clock::to_time_t(now));
  X509_VERIFY_PARAM_set_auth_level(parameters, kSecurityLevel);
  unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN;
  if (!revocations.empty()) {
    flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
    X509_STORE_CTX_set0_crls(context.get(), lists.get());
  }
  X509_VERIFY_PARAM_set_flags(parameters, flags);

  if (X509_verify_cert(context.get()) != 1) {
    ERR_clear_error();
    return ExplainChain(X509_STORE_CTX_get_error(context.get()), X509_STORE_CTX_get_error_depth(context.get()));
  }
  SEKISHO_TRY(Validity validity, JudgeChain(X509_STORE_CTX_get0_chain(context.get())));
  for (const RevocationList& list : revocations) {
    const TimePoint next = NextUpdate(list.native());
    if (next >= now) validity.until = std::min(validity.until, next);
  }
  return validity;
}

Status CheckForSigning(const Certificate& certificate, TimePoint now) {
  SEKISHO_RETURN_IF_ERROR(CheckDates(certificate, now));
  SEKISHO_RETURN_IF_ERROR(CheckStrength(certificate));
  SEKISHO_RETURN_IF_ERROR(CheckExtendedUse(certificate));
  if ((X509_get_key_usage(certificate.native()) & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)) == 0) {
    return Refused("the certificate isn't for signing (its key usage lacks digitalSignature): get one that is");
  }
  return Ok();
}

}  // namespace sekisho::crypto
