#include "shared/crypto/aead.h"

#include <openssl/evp.h>

#include "shared/base/handle.h"
#include "shared/base/random.h"

namespace sekisho::crypto {
namespace {

const EVP_CIPHER* Cipher() {
  static EVP_CIPHER* const kCipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  return kCipher;
}

EVP_CIPHER_CTX* Context() {
  thread_local Handle<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free> context(EVP_CIPHER_CTX_new());
  return context.get();
}

unsigned char* Bytes(std::string& text, size_t at = 0) { return reinterpret_cast<unsigned char*>(text.data()) + at; }
const unsigned char* Bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

// Appends ciphertext and tag.
void Encrypt(const Secret<std::string>& key, std::string_view nonce, std::string_view aad, std::string_view plaintext,
             std::string& out) {
  SEKISHO_CHECK(key.Reveal().size() == kAeadKeySize && nonce.size() == kAeadNonceSize);
  EVP_CIPHER_CTX* context = Context();
  const size_t at = out.size();
  out.resize(at + plaintext.size() + kAeadTagSize);
  int size = 0;
  bool good = EVP_EncryptInit_ex2(context, Cipher(), Bytes(key.Reveal()), Bytes(nonce), nullptr) == 1;
  good = good &&
         (aad.empty() || EVP_EncryptUpdate(context, nullptr, &size, Bytes(aad), static_cast<int>(aad.size())) == 1);
  good = good &&
         EVP_EncryptUpdate(context, Bytes(out, at), &size, Bytes(plaintext), static_cast<int>(plaintext.size())) == 1;
  good = good && EVP_EncryptFinal_ex(context, Bytes(out, at + plaintext.size()), &size) == 1;
  good =
      good && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, kAeadTagSize, Bytes(out, at + plaintext.size())) == 1;
  SEKISHO_CHECK(good);
}

Result<std::string> Decrypt(const Secret<std::string>& key, std::string_view nonce, std::string_view aad,
                            std::string_view sealed) {
  SEKISHO_CHECK(key.Reveal().size() == kAeadKeySize);
  const auto bad = [] { return MakeError(Code::kCorrupt, "sealed octets do not open with this key"); };
  if (sealed.size() < kAeadTagSize) return bad();
  const std::string_view ciphertext = sealed.substr(0, sealed.size() - kAeadTagSize);
  std::string tag(sealed.substr(ciphertext.size()));
  EVP_CIPHER_CTX* context = Context();
  std::string out(ciphertext.size(), '\0');
  int size = 0;
  bool good = EVP_DecryptInit_ex2(context, Cipher(), Bytes(key.Reveal()), Bytes(nonce), nullptr) == 1;
  good = good &&
         (aad.empty() || EVP_DecryptUpdate(context, nullptr, &size, Bytes(aad), static_cast<int>(aad.size())) == 1);
  good = good &&
         EVP_DecryptUpdate(context, Bytes(out), &size, Bytes(ciphertext), static_cast<int>(ciphertext.size())) == 1;
  good = good && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, kAeadTagSize, tag.data()) == 1;
  good = good && EVP_DecryptFinal_ex(context, Bytes(out, out.size()), &size) == 1;
  if (!good) return bad();
  return out;
}

}  // namespace

void AeadSealTo(const Secret<std::string>& key, std::string_view aad, std::string_view plaintext, std::string& out) {
  unsigned char nonce[kAeadNonceSize];
  RandomFill(nonce, sizeof nonce);
  const std::string_view view(reinterpret_cast<const char*>(nonce), sizeof nonce);
  out.reserve(out.size() + kAeadNonceSize + plaintext.size() + kAeadTagSize);
  out += view;
  Encrypt(key, view, aad, plaintext, out);
}

std::string AeadSeal(const Secret<std::string>& key, std::string_view aad, std::string_view plaintext) {
  std::string out;
  AeadSealTo(key, aad, plaintext, out);
  return out;
}

Result<std::string> AeadOpen(const Secret<std::string>& key, std::string_view aad, std::string_view sealed) {
  if (sealed.size() < kAeadNonceSize) return MakeError(Code::kCorrupt, "sealed octets are cut short");
  return Decrypt(key, sealed.substr(0, kAeadNonceSize), aad, sealed.substr(kAeadNonceSize));
}

namespace {

// prefix, 32 bits of chunk number, and an octet that marks the last.
std::string ChunkNonce(std::string_view prefix, uint32_t counter, bool last) {
  std::string nonce(prefix);
  for (int shift = 24; shift >= 0; shift -= 8) nonce += static_cast<char>(counter >> shift & 0xff);
  nonce += last ? '\1' : '\0';
  return nonce;
}

}  // namespace

StreamSealer::StreamSealer(Secret<std::string> key, std::string aad)
    : key_(std::move(key)), aad_(std::move(aad)), nonce_(RandomOctets(kStreamPrefix)) {}

void StreamSealer::SealChunk(std::string_view chunk, bool last, std::string& out) {
  SEKISHO_CHECK(counter_ != UINT32_MAX);
  Encrypt(key_, ChunkNonce(nonce_, counter_++, last), aad_, chunk, out);
}

std::string StreamSealer::Append(std::string_view plaintext) {
  std::string out;
  if (!started_) out = nonce_;
  started_ = true;
  // A full chunk waits until more comes: only Finish knows which is the last.
  while (!plaintext.empty()) {
    if (pending_.size() == kStreamChunk) {
      SealChunk(pending_, false, out);
      pending_.clear();
    }
    const size_t take = std::min(plaintext.size(), kStreamChunk - pending_.size());
    pending_ += plaintext.substr(0, take);
    plaintext.remove_prefix(take);
  }
  return out;
}

std::string StreamSealer::Finish() {
  std::string out = Append({});
  SealChunk(pending_, true, out);
  pending_.clear();
  return out;
}

StreamOpener::StreamOpener(Secret<std::string> key, std::string aad) : key_(std::move(key)), aad_(std::move(aad)) {}

Result<std::string> StreamOpener::OpenChunk(std::string_view chunk, bool last) {
  return Decrypt(key_, ChunkNonce(nonce_, counter_++, last), aad_, chunk);
}

Result<std::string> StreamOpener::Append(std::string_view sealed) {
  std::string out;
  if (nonce_.size() < kStreamPrefix) {
    const size_t take = std::min(sealed.size(), kStreamPrefix - nonce_.size());
    nonce_ += sealed.substr(0, take);
    sealed.remove_prefix(take);
  }
  constexpr size_t kWhole = kStreamChunk + kAeadTagSize;
  while (!sealed.empty()) {
    if (pending_.size() == kWhole) {
      SEKISHO_TRY(const std::string chunk, OpenChunk(pending_, false));
      out += chunk;
      pending_.clear();
    }
    const size_t take = std::min(sealed.size(), kWhole - pending_.size());
    pending_ += sealed.substr(0, take);
    sealed.remove_prefix(take);
  }
  return out;
}

Result<std::string> StreamOpener::Finish() {
  if (nonce_.size() < kStreamPrefix) return MakeError(Code::kCorrupt, "a sealed stream is cut short");
  return OpenChunk(pending_, true);
}

}  // namespace sekisho::crypto
