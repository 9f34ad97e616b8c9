#pragma once
// DKIM signatures (RFC 6376) with rsa-sha256 and ed25519-sha256 (RFC 8463), relaxed/relaxed. The body is read once
// however many keys sign; l= is never written; fields whose second coming would change what a reader sees are
// oversigned.
//
// No I/O, no clock. A signer is immutable and safe for concurrent use.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "shared/crypto/x509.h"

namespace sekisho::mailauth {

// The hash of a body under "relaxed" canonicalisation (§3.4.4), over pieces of any size. One thread at a time.
class DkimBodyHash {
 public:
  DkimBodyHash();
  DkimBodyHash(DkimBodyHash&&) noexcept;
  DkimBodyHash& operator=(DkimBodyHash&&) noexcept;
  ~DkimBodyHash();

  void Update(std::string_view body);  // CRLF lines
  std::string Finish();                // once; 32 octets

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct DkimKey {
  std::string domain;    // d=, as A-labels
  std::string selector;  // s=
  crypto::PrivateKey key;
};

class DkimSigner {
 public:
  // Errors: kInvalid for a domain or selector that isn't a host name, and for a key that is neither RSA nor Ed25519.
  static Result<DkimSigner> Create(std::vector<DkimKey> keys);

  // The DKIM-Signature fields to put before the message, one for each key whose domain is `from_domain` or a parent of
  // it; each ends with CRLF. Empty when there is no such key. `header` is the header section, fields ended by CRLF,
  // with or without the empty line; `body_hash` comes from DkimBodyHash over what follows that line. Errors: kMalformed
  // when the header has no From field or can't be split into fields.
  Result<std::string> Sign(std::string_view header, std::string_view body_hash, std::string_view from_domain,
                           TimePoint now) const;

  bool empty() const { return keys_.empty(); }

 private:
  explicit DkimSigner(std::vector<DkimKey> keys) : keys_(std::move(keys)) {}
  std::vector<DkimKey> keys_;
};

}  // namespace sekisho::mailauth
