#pragma once
// S/MIME 4.0 (RFC 8551) over CMS (RFC 5652): signs a MIME entity and encrypts it to certificates.
//
// Works on entities: Content-* fields, an empty line, content; 7-bit, CRLF lines. What stays outside (From, Subject,
// MIME-Version) is the caller's. Large content is never copied: signing says what to put around it, encrypting takes
// pieces and gives pieces. Pure but for the kernel's random octets; safe for concurrent use.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/clock.h"
#include "shared/base/function_ref.h"
#include "shared/base/result.h"
#include "shared/crypto/x509.h"

namespace sekisho::crypto {

// What goes before and after the signed octets: the new entity is head + entity + tail.
struct SignatureFrame {
  std::string head;
  std::string tail;
};

class CmsSigner {
 public:
  // `certificate` is that of `key`; `chain` (without the root) is sent with each signature, so that recipients can
  // verify it. Errors: kInvalid when they don't belong together or the key is neither RSA nor ECDSA; kPrecondition of
  // CheckForSigning.
  static Result<CmsSigner> Create(PrivateKey key, Certificate certificate, std::vector<Certificate> chain,
                                  TimePoint now);

  const Certificate& certificate() const { return certificate_; }

  // multipart/signed with a detached signature, SHA-256, stating `now` and our preference for AES-256 in replies.
  // Errors: kPrecondition when the certificate isn't valid at `now`; kInternal.
  Result<SignatureFrame> Sign(std::string_view entity, TimePoint now) const;

 private:
  CmsSigner(PrivateKey key, Certificate certificate, std::vector<Certificate> chain)
      : key_(std::move(key)), certificate_(std::move(certificate)), chain_(std::move(chain)) {}
  PrivateKey key_;
  Certificate certificate_;
  std::vector<Certificate> chain_;
};

enum class ContentCipher {
  kAes256Cbc,  // EnvelopedData: every S/MIME reader
  kAes256Gcm,  // AuthEnvelopedData (RFC 5083): safe against EFAIL by itself, but Apple Mail and Thunderbird don't read
               // it
};

using CmsSink = FunctionRef<Status(std::string_view)>;

// Encrypts the entity that `pieces` make, in order, to every one of `recipients` (RSA: PKCS #1 v1.5 key transport; EC:
// ECDH with the SHA-256 KDF), and gives the new entity (application/pkcs7-mime, base64) to `sink` in pieces of up to 64
// KiB. The recipients' certificates must have passed VerifyForEncryption. Errors: those of `sink`; kInvalid for no
// recipient or a key that can't encrypt; kInternal.
Status CmsEncrypt(std::span<const std::string_view> pieces, std::span<const Certificate> recipients,
                  ContentCipher cipher, CmsSink sink);

}  // namespace sekisho::crypto
