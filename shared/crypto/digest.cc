#include "shared/crypto/digest.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

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

EVP_MAC_CTX* NewHmacContext() {
  static EVP_MAC* const kMac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  EVP_MAC_CTX* const context = EVP_MAC_CTX_new(kMac);
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                   OSSL_PARAM_construct_end()};
  SEKISHO_CHECK(context != nullptr && EVP_MAC_CTX_set_params(context, parameters) == 1);
  return context;
}

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
  thread_local Handle<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  std::string out(kSha256Size, '\0');
  SEKISHO_CHECK(EVP_DigestInit_ex(context.get(), Md(), nullptr) == 1 &&
                EVP_DigestUpdate(context.get(), octets.data(), octets.size()) == 1 &&
                EVP_DigestFinal_ex(context.get(), Bytes(out), nullptr) == 1);
  return out;
}

std::string HmacSha256(const Secret<std::string>& key, std::string_view octets) {
  thread_local Handle<EVP_MAC_CTX, EVP_MAC_CTX_free> context(NewHmacContext());
  std::string out(kSha256Size, '\0');
  size_t size = 0;
  // std::string's data is never null: a null key would mean the one of the call before.
  SEKISHO_CHECK(EVP_MAC_init(context.get(), Bytes(key.Reveal()), key.Reveal().size(), nullptr) == 1 &&
                EVP_MAC_update(context.get(), Bytes(octets), octets.size()) == 1 &&
                EVP_MAC_final(context.get(), Bytes(out), &size, out.size()) == 1);
  return out;
}

Secret<std::string> HkdfSha256(const Secret<std::string>& secret, std::string_view salt, std::string_view info,
                               size_t size) {
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
