#pragma once
// The form in which large content leaves the process: version, one octet of the wrapped key's length, wrapped key, then
// the octets as a stream of sealed chunks (crypto/aead.h) under a key of the content's own, derived from the mail's.
// Pure; memory is a chunk, however large the content.

#include <optional>
#include <string>
#include <string_view>

#include "shared/base/result.h"
#include "shared/crypto/aead.h"
#include "shared/keys/keys.h"

namespace sekisho::content {

// One thread at a time.
class ContentSealer {
 public:
  // `content_key` is "<mail id>/<name>": the octets can't be taken for another content's.
  ContentSealer(const keys::MailKey& key, const std::string& content_key);
  // What may be written out so far; call Finish at the end.
  std::string Append(std::string_view octets);
  std::string Finish();

 private:
  std::string start_;  // until it is written
  crypto::StreamSealer sealer_;
};

// One thread at a time. `keys` outlives it.
class ContentOpener {
 public:
  ContentOpener(keys::KeyRing& keys, std::string content_key) : keys_(keys), content_key_(std::move(content_key)) {}
  // The octets that are proven so far. Errors: kCorrupt; kNotFound when the epoch was destroyed.
  Result<std::string> Append(std::string_view sealed);
  // The rest. Errors: kCorrupt when the end is missing.
  Result<std::string> Finish();

 private:
  keys::KeyRing& keys_;
  const std::string content_key_;
  std::string start_;                           // until the key is there
  std::optional<crypto::StreamOpener> opener_;  // from then on
};

}  // namespace sekisho::content
