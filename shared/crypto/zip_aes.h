#pragma once
// The encryption inside AES-256 ZIP entries (WinZip's AE-2): PBKDF2-HMAC-SHA1 with 1000 rounds, AES-256 in counter mode
// with a little-endian counter, HMAC-SHA1 cut to 80 bits over the ciphertext. Weak by today's measure of key
// stretching: the password must carry the strength. Only for shared/archive.

#include <array>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "shared/base/secret.h"

struct evp_cipher_ctx_st;
struct evp_mac_ctx_st;

namespace sekisho::crypto {

// Encrypts one entry. One thread at a time.
class ZipAesEncryptor {
 public:
  static constexpr size_t kSaltOctets = 16;
  static constexpr size_t kCheckOctets = 2;
  static constexpr size_t kMacOctets = 10;

  // `salt` must never come twice with one password: the key stream would be the same.
  ZipAesEncryptor(const Secret<std::string>& password, std::string_view salt);
  ~ZipAesEncryptor();
  ZipAesEncryptor(const ZipAesEncryptor&) = delete;
  ZipAesEncryptor& operator=(const ZipAesEncryptor&) = delete;

  // What lets a reader tell a wrong password at once (in one of 65536 cases it can't).
  const std::string& check() const { return check_; }
  void Encrypt(std::span<char> octets);  // in place
  std::string Mac();                     // once, last

 private:
  void NextKeyStream();

  struct Free {
    void operator()(evp_cipher_ctx_st* context) const;
    void operator()(evp_mac_ctx_st* context) const;
  };
  static constexpr size_t kBlock = 16;
  static constexpr size_t kBlocks = 256;  // enciphered at once

  std::unique_ptr<evp_cipher_ctx_st, Free> cipher_;
  std::unique_ptr<evp_mac_ctx_st, Free> mac_;
  std::string check_;
  std::array<unsigned char, kBlock * kBlocks> stream_{};
  size_t used_ = kBlock * kBlocks;  // octets of stream_
  uint64_t counter_ = 0;
};

}  // namespace sekisho::crypto
