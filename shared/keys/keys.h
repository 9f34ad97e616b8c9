#pragma once
// The key ring: epoch keys that wrap each mail's data key, and organisation keys for MACs. Drivers: file_ring.h; each
// passes tests/unit/shared/keys/conformance.h. Thread safe.
//
// A sealed blob is self-contained: version, the wrapped data key, nonce, ciphertext, tag. Destroying an epoch's key
// makes every blob of that day's mails unreadable, wherever a copy of it lies.

#include <string>
#include <string_view>
#include <vector>

#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "shared/base/secret.h"

namespace sekisho::keys {

// The data key of one mail, and the form of it that may be stored.
class MailKey {
 public:
  MailKey(Secret<std::string> key, std::string wrapped) : key_(std::move(key)), wrapped_(std::move(wrapped)) {}
  const Secret<std::string>& key() const { return key_; }
  const std::string& wrapped() const { return wrapped_; }

 private:
  Secret<std::string> key_;
  std::string wrapped_;
};

struct Opened {
  std::string plaintext;
  MailKey key;
};

class KeyRing {
 public:
  virtual ~KeyRing() = default;

  // A new data key under the epoch of `now` (one for each UTC day, made when first needed).
  // Errors: kUnavailable, kExhausted when that epoch is absent and cannot be made.
  virtual Result<MailKey> NewMailKey(TimePoint now) = 0;
  // Errors: kNotFound when its epoch was destroyed; kCorrupt; kUnavailable when the ring cannot be read or does not
  // have that epoch yet.
  virtual Result<MailKey> Unwrap(std::string_view wrapped) = 0;

  // Seals `plaintext` for `aad`: it opens only with the same.
  Result<std::string> Seal(const MailKey& key, std::string_view aad, std::string_view plaintext);
  // Errors: as Unwrap; kCorrupt.
  Result<Opened> Open(std::string_view blob, std::string_view aad);

  // Epoch ids are UTC dates, "2026-11-24".
  virtual std::vector<std::string> Epochs() const = 0;
  // Makes the epoch of `day` ahead of its need; one that is there stays as it is. Errors: as NewMailKey.
  virtual Status MakeEpoch(TimePoint day) = 0;
  // For ever: the same id never gets another key. Errors: kNotFound; kPrecondition when this ring is not the one to
  // change; kUnavailable.
  virtual Status DestroyEpoch(std::string_view id) = 0;

  // A look-up key for a personal value (an address): the same value gives the same 16 octets, which say nothing without
  // the ring's key. `domain` keeps indexes apart ("principal", "contact").
  virtual Result<std::string> BlindIndex(std::string_view domain, std::string_view value) = 0;

  // The MAC of a hand-over between two stages, under the key of that edge.
  virtual Result<std::string> EdgeMac(std::string_view from, std::string_view to, std::string_view octets) = 0;
  // Errors: kCorrupt.
  Status CheckEdgeMac(std::string_view from, std::string_view to, std::string_view octets, std::string_view mac);

  // A key of this organisation for one purpose ("rpc-token"), 32 octets; the same at every call.
  virtual Result<Secret<std::string>> PurposeKey(std::string_view purpose) = 0;
};

}  // namespace sekisho::keys
