#include "shared/crypto/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>

#include "shared/base/handle.h"
#include "shared/base/result.h"

namespace sekisho::crypto {
namespace {

// Fetched once: an implicit fetch for every digest costs more than digesting a small record.
const EVP_MD* Md() {
  static EVP_MD* const kMd = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return kMd;
}

unsigned char* Bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
const unsigned char* Bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

}  // namespace

struct Sha256Stream::State {
  Handle<EVP_MD_CTX, EVP_MD_CTX_free> context{EVP_MD_CTX_new()};
};

Sha256Stream::Sha256Stream() : state_(std::make_unique<State>()) {
  SEKISHO_CHECK(EVP_DigestInit_ex(state_->context.get(), Md(), nullptr) == 1);
}
Sha256Stream::~Sha256Stream() = default;
Sha256Stream::Sha256Stream(Sha256Stream&&) noexcept = default;
Sha256Stream& Sha256Stream::operator=(Sha256Stream&&) noexcept = default;

void Sha256Stream::Update(std::string_view octets) {
  SEKISHO_CHECK(EVP_DigestUpdate(state_->context.get(), octets.data(), octets.size()) == 1);
}

std::string Sha256Stream::Finish() {
  std::string out(kSha256Size, '\0');
  SEKISHO_CHECK(EVP_DigestFinal_ex(state_->context.get(), Bytes(out), nullptr) == 1);
  return out;
}

std::string Sha256(std::string_view octets) {
  Sha256Stream stream;
  stream.Update(octets);
  return stream.Finish();
}

std::string HmacSha256(const Secret<std::string>& key, std::string_view octets) {
  std::string out(kSha256Size, '\0');
  unsigned int size = 0;
  SEKISHO_CHECK(HMAC(Md(), key.Reveal().data(), static_cast<int>(key.Reveal().size()), Bytes(octets), octets.size(), Bytes(out),
                     &size) != nullptr);
  return out;
}

Secret<std::string> HkdfSha256(const Secret<std::string>& secret, std::string_view salt, std::string_view info, size_t size) {
  SEKISHO_CHECK(size <= 255 * kSha256Size);
  const std::string zeros(kSha256Size, '\0');
  const Secret<std::string> extracted(
      HmacSha256(Secret<std::string>(salt.empty() ? zeros : std::string(salt)), secret.Reveal()));
  std::string out, block;
  for (unsigned char i = 1; out.size() < size; ++i) {
    block = HmacSha256(extracted, block + std::string(info) + static_cast<char>(i));
    out += block;
  }
  out.resize(size);
  return Secret<std::string>(std::move(out));
}

}  // namespace sekisho::crypto
