#include "shared/keys/keys.h"

#include "shared/base/bytes.h"
#include "shared/crypto/aead.h"

namespace sekisho::keys {
namespace {

constexpr char kVersion = 1;

}  // namespace

// version, one octet of the wrapped key's length, wrapped key, then nonce, ciphertext and tag.
Result<std::string> KeyRing::Seal(const MailKey& key, std::string_view aad, std::string_view plaintext) {
  SEKISHO_CHECK(key.wrapped().size() < 256);
  std::string blob;
  blob.reserve(2 + key.wrapped().size() + crypto::kAeadNonceSize + plaintext.size() + crypto::kAeadTagSize);
  blob += kVersion;
  blob += static_cast<char>(key.wrapped().size());
  blob += key.wrapped();
  crypto::AeadSealTo(key.key(), aad, plaintext, blob);
  return blob;
}

Result<Opened> KeyRing::Open(std::string_view blob, std::string_view aad) {
  if (blob.size() < 2 || blob[0] != kVersion) return MakeError(Code::kCorrupt, "not a sealed blob");
  const size_t wrapped_size = static_cast<unsigned char>(blob[1]);
  if (blob.size() < 2 + wrapped_size) return MakeError(Code::kCorrupt, "a sealed blob is cut short");
  SEKISHO_TRY(MailKey key, Unwrap(blob.substr(2, wrapped_size)));
  SEKISHO_TRY(std::string plaintext, crypto::AeadOpen(key.key(), aad, blob.substr(2 + wrapped_size)));
  return Opened{std::move(plaintext), std::move(key)};
}

Status KeyRing::CheckEdgeMac(std::string_view from, std::string_view to, std::string_view octets,
                             std::string_view mac) {
  SEKISHO_TRY(const std::string expected, EdgeMac(from, to, octets));
  if (!ConstantTimeEquals(expected, mac)) {
    return MakeError(Code::kCorrupt,
                     "the hand-over MAC from " + std::string(from) + " to " + std::string(to) + " is wrong");
  }
  return Ok();
}

}  // namespace sekisho::keys
