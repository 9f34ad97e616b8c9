#pragma once
// Certificates and private keys as S/MIME uses them (RFC 5280, RFC 8550). Values here are immutable and cheap to copy;
// any thread may use them. Pure, but for PrivateKey::FromFile.

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "shared/base/secret.h"

struct evp_pkey_st;
struct x509_st;
struct X509_crl_st;
struct x509_store_st;

namespace sekisho::crypto {

class Certificate {
 public:
  // One certificate or more, PEM or DER; in a file that holds a chain the first is the end entity's.
  // Errors: kInvalid, when there is none or one can't be read.
  static Result<std::vector<Certificate>> ParseBundle(std::string_view pem_or_der);

  const std::string& fingerprint() const { return facts_->fingerprint; }  // SHA-256 of the DER, lower-case hex
  // Where mail may be sent to it: rfc822Name, SmtpUTF8Mailbox (RFC 9598) and the subject's emailAddress; as written.
  const std::vector<std::string>& addresses() const { return facts_->addresses; }
  const std::string& subject() const { return facts_->subject; }  // RFC 4514, UTF-8, for people
  const std::string& issuer() const { return facts_->issuer; }
  TimePoint not_before() const { return facts_->not_before; }
  TimePoint not_after() const { return facts_->not_after; }
  const std::string& algorithm() const { return facts_->algorithm; }  // "RSA-2048", "P-256", "Ed25519"

  // Whether one of addresses() is `address`, its domain as A-labels. The local part's case is ignored too: no provider
  // tells two mailboxes apart by it, and partners' certificates are often written in another case than their mail.
  bool Names(std::string_view address) const;

  std::string Pem() const;
  x509_st* native() const { return facts_->native.get(); }

 private:
  struct Facts {
    std::shared_ptr<x509_st> native;
    std::string fingerprint, subject, issuer, algorithm;
    std::vector<std::string> addresses;
    TimePoint not_before, not_after;
  };
  explicit Certificate(std::shared_ptr<const Facts> facts) : facts_(std::move(facts)) {}
  static Result<Certificate> FromNative(x509_st* owned);

  std::shared_ptr<const Facts> facts_;
};

// RSA of 2048 bits or more, ECDSA over P-256, P-384 or P-521, or Ed25519.
class PrivateKey {
 public:
  // PEM, unencrypted. Errors: kInvalid (not a key, a weak one, or of another kind).
  static Result<PrivateKey> FromPem(const Secret<std::string>& pem);
  // Errors: kPermission when others than the owner may read it; kNotFound; those of FromPem.
  static Result<PrivateKey> FromFile(const std::string& path);

  const std::string& algorithm() const { return algorithm_; }  // as Certificate::algorithm
  bool Matches(const Certificate& certificate) const;
  // The signature of `octets`: RSA PKCS #1 v1.5 or ECDSA (DER) with SHA-256, or pure Ed25519.
  Result<std::string> Sign(std::string_view octets) const;
  std::string PublicKeyDer() const;  // SubjectPublicKeyInfo
  evp_pkey_st* native() const { return native_.get(); }

 private:
  PrivateKey(std::shared_ptr<evp_pkey_st> native, std::string algorithm)
      : native_(std::move(native)), algorithm_(std::move(algorithm)) {}
  std::shared_ptr<evp_pkey_st> native_;
  std::string algorithm_;
};

class RevocationList {
 public:
  static Result<std::vector<RevocationList>> ParseBundle(std::string_view pem_or_der);  // errors: kInvalid
  X509_crl_st* native() const { return native_.get(); }

 private:
  explicit RevocationList(std::shared_ptr<X509_crl_st> native) : native_(std::move(native)) {}
  std::shared_ptr<X509_crl_st> native_;
};

// The certificates that a chain may end at. One that isn't self-signed is an end all the same: who trusts a partner's
// own certificate need not trust its CA.
class TrustStore {
 public:
  explicit TrustStore(std::span<const Certificate> anchors);
  x509_store_st* native() const { return native_.get(); }

 private:
  std::shared_ptr<x509_store_st> native_;
};

// From when to when the certificate and its whole chain hold; outside it the answer must be asked for again.
struct Validity {
  TimePoint from, until;
  bool Contains(TimePoint now) const { return from <= now && now <= until; }
};

// Whether mail for `address` may be encrypted to `certificate` at `now`: it names the address (an empty address: not
// asked), its key usage and extended key usage allow it, its key is strong enough (RSA 2048, 256-bit curves; no SHA-1),
// and with `chain` it leads to an anchor of `trust`. With `revocations`, each certificate of the chain must be covered
// by a current list and not be on it; without, revocation isn't asked. Errors: kPrecondition; the detail says which
// check failed and what to do, and holds no address.
Result<Validity> VerifyForEncryption(const Certificate& certificate, std::span<const Certificate> chain,
                                     const TrustStore& trust, std::string_view address, TimePoint now,
                                     std::span<const RevocationList> revocations = {});

// Whether the owner of `certificate` may sign mail with it: key usage, dates, strength. Its chain is for the readers to
// judge.
Status CheckForSigning(const Certificate& certificate, TimePoint now);

}  // namespace sekisho::crypto
