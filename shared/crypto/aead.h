#pragma once
// AES-256-GCM (NIST SP 800-38D) with random 96-bit nonces. Thread safe.

#include <memory>
#include <string>
#include <string_view>

#include "shared/base/result.h"
#include "shared/base/secret.h"

namespace sekisho::crypto {

inline constexpr size_t kAeadKeySize = 32;
inline constexpr size_t kAeadNonceSize = 12;
inline constexpr size_t kAeadTagSize = 16;

// nonce, ciphertext, tag. `key` has 32 octets.
std::string AeadSeal(const Secret<std::string>& key, std::string_view aad, std::string_view plaintext);
// Appends the same to `out`: saves a copy when something stands in front.
void AeadSealTo(const Secret<std::string>& key, std::string_view aad, std::string_view plaintext, std::string& out);
// Errors: kCorrupt when the key, the aad or the octets are others.
Result<std::string> AeadOpen(const Secret<std::string>& key, std::string_view aad, std::string_view sealed);

// Large content in chunks of 64 KiB, each with its tag (the STREAM construction, Hoang et al. 2015): reordering,
// dropping and cutting off are found. Layout: 7 octets of nonce prefix, then chunks of up to 64 KiB + 16.
inline constexpr size_t kStreamChunk = 64 * 1024;
inline constexpr size_t kStreamPrefix = 7;

class StreamSealer {
 public:
  StreamSealer(Secret<std::string> key, std::string aad);
  // What may be written out so far; call Finish at the end.
  std::string Append(std::string_view plaintext);
  std::string Finish();

 private:
  void SealChunk(std::string_view chunk, bool last, std::string& out);
  const Secret<std::string> key_;
  const std::string aad_;
  std::string nonce_;
  uint32_t counter_ = 0;
  std::string pending_;
  bool started_ = false;
};

class StreamOpener {
 public:
  StreamOpener(Secret<std::string> key, std::string aad);
  // Plaintext that is proven so far. Errors: kCorrupt.
  Result<std::string> Append(std::string_view sealed);
  // The rest. Errors: kCorrupt when the end is missing.
  Result<std::string> Finish();

 private:
  Result<std::string> OpenChunk(std::string_view chunk, bool last);
  const Secret<std::string> key_;
  const std::string aad_;
  std::string nonce_;
  uint32_t counter_ = 0;
  std::string pending_;
};

}  // namespace sekisho::crypto
