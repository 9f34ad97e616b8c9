#pragma once
// SHA-256 (FIPS 180-4), HMAC (RFC 2104) and HKDF (RFC 5869) with it. Thread safe; one Sha256Stream belongs to one
// thread.

#include <memory>
#include <string>
#include <string_view>

#include "shared/base/secret.h"

namespace sekisho::crypto {

inline constexpr size_t kSha256Size = 32;

std::string Sha256(std::string_view octets);                                      // 32 octets
std::string HmacSha256(const Secret<std::string>& key, std::string_view octets);  // 32 octets
// `size` octets derived from `secret` for the purpose that `info` names. At most 255 * 32.
Secret<std::string> HkdfSha256(const Secret<std::string>& secret, std::string_view salt, std::string_view info,
                               size_t size);

// The digest of octets that come in pieces.
class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  Sha256Stream(Sha256Stream&&) noexcept;
  Sha256Stream& operator=(Sha256Stream&&) noexcept;
  void Update(std::string_view octets);
  std::string Finish();  // once

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sekisho::crypto
