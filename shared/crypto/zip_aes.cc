#include "shared/crypto/zip_aes.h"

#include <openssl/core_names.h>
#include <openssl/params.h>

#include <algorithm>

#include "shared/crypto/openssl.h"

namespace sekisho::crypto {
namespace {

constexpr size_t kKeyOctets = 32;
constexpr int kRounds = 1000;

EVP_CIPHER_CTX* NewCipher(const unsigned char* key) {
  static EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-ECB", nullptr);
  EVP_CIPHER_CTX* const context = EVP_CIPHER_CTX_new();
  SEKISHO_CHECK(EVP_EncryptInit_ex2(context, cipher, key, nullptr, nullptr) == 1);
  return context;
}

EVP_MAC_CTX* NewMac(const unsigned char* key) {
  static EVP_MAC* const mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  EVP_MAC_CTX* const context = EVP_MAC_CTX_new(mac);
  char digest[] = "SHA1";
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                   OSSL_PARAM_construct_end()};
  SEKISHO_CHECK(context != nullptr && EVP_MAC_init(context, key, kKeyOctets, parameters) == 1);
  return context;
}

}  // namespace

void ZipAesEncryptor::Free::operator()(evp_cipher_ctx_st* context) const { EVP_CIPHER_CTX_free(context); }
void ZipAesEncryptor::Free::operator()(evp_mac_ctx_st* context) const { EVP_MAC_CTX_free(context); }
ZipAesEncryptor::~ZipAesEncryptor() = default;

ZipAesEncryptor::ZipAesEncryptor(const Secret<std::string>& password, std::string_view salt) {
  SEKISHO_CHECK(salt.size() == kSaltOctets);
  std::array<unsigned char, 2 * kKeyOctets + kCheckOctets> derived;
  SEKISHO_CHECK(PKCS5_PBKDF2_HMAC_SHA1(password.Reveal().data(), static_cast<int>(password.Reveal().size()),
                                       Bytes(salt), static_cast<int>(salt.size()), kRounds, derived.size(),
                                       derived.data()) == 1);
  cipher_.reset(NewCipher(derived.data()));
  mac_.reset(NewMac(derived.data() + kKeyOctets));
  check_.assign(reinterpret_cast<char*>(derived.data()) + 2 * kKeyOctets, kCheckOctets);
  OPENSSL_cleanse(derived.data(), derived.size());
}

void ZipAesEncryptor::NextKeyStream() {
  for (size_t block = 0; block < kBlocks; ++block) {
    unsigned char* const at = stream_.data() + block * kBlock;
    ++counter_;
    for (size_t i = 0; i < kBlock; ++i) at[i] = i < 8 ? static_cast<unsigned char>(counter_ >> (8 * i)) : 0;
  }
  int written = 0;
  SEKISHO_CHECK(EVP_EncryptUpdate(cipher_.get(), stream_.data(), &written, stream_.data(), stream_.size()) == 1);
  used_ = 0;
}

void ZipAesEncryptor::Encrypt(std::span<char> octets) {
  for (size_t at = 0; at < octets.size();) {
    if (used_ == stream_.size()) NextKeyStream();
    const size_t size = std::min(octets.size() - at, stream_.size() - used_);
    for (size_t i = 0; i < size; ++i) octets[at + i] = static_cast<char>(octets[at + i] ^ stream_[used_ + i]);
    at += size;
    used_ += size;
  }
  SEKISHO_CHECK(EVP_MAC_update(mac_.get(), reinterpret_cast<unsigned char*>(octets.data()), octets.size()) == 1);
}

std::string ZipAesEncryptor::Mac() {
  std::string mac(20, '\0');
  size_t size = 0;
  SEKISHO_CHECK(EVP_MAC_final(mac_.get(), Bytes(mac), &size, mac.size()) == 1);
  mac.resize(kMacOctets);
  return mac;
}

}  // namespace sekisho::crypto
