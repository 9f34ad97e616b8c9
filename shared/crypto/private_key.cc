#include <fcntl.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/base/files.h"
#include "shared/crypto/key_algorithm.h"
#include "shared/crypto/openssl.h"
#include "shared/crypto/x509.h"

namespace sekisho::crypto {
namespace {

constexpr int kMinRsaBits = 2048;
constexpr size_t kMaxKeyFileOctets = 64 << 10;

bool IsStrong(const EVP_PKEY* key) {
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
      return EVP_PKEY_get_bits(key) >= kMinRsaBits;
    case EVP_PKEY_EC:
      return EVP_PKEY_get_bits(key) >= 256;
    default:
      return EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519;
  }
}

// Without it OpenSSL would ask for a pass phrase on the terminal.
int NoPassPhrase(char*, int, int, void*) { return 0; }

}  // namespace

std::string KeyAlgorithm(const EVP_PKEY* key) {
  const int kind = EVP_PKEY_get_base_id(key);
  if (kind == EVP_PKEY_ED25519) return "Ed25519";
  if (kind == EVP_PKEY_EC) {
    char group[64] = {};
    size_t size = 0;
    EVP_PKEY_get_group_name(key, group, sizeof group, &size);
    const std::string_view name(group, size);
    if (name == "prime256v1") return "P-256";
    if (name == "secp384r1") return "P-384";
    if (name == "secp521r1") return "P-521";
    return std::string(name);
  }
  const char* const name = OBJ_nid2sn(kind);
  return (kind == EVP_PKEY_RSA ? std::string("RSA") : std::string(name == nullptr ? "unknown" : name)) + "-" +
         std::to_string(EVP_PKEY_get_bits(key));
}

Result<PrivateKey> PrivateKey::FromPem(const Secret<std::string>& pem) {
  const BioHandle in = ReadFrom(pem.Reveal());
  const std::shared_ptr<EVP_PKEY> native(PEM_read_bio_PrivateKey(in.get(), nullptr, NoPassPhrase, nullptr),
                                         EVP_PKEY_free);
  if (native == nullptr) return OpenSslError(Code::kInvalid, "not an unencrypted private key in PEM");
  std::string algorithm = KeyAlgorithm(native.get());
  if (!IsStrong(native.get())) {
    return MakeError(Code::kInvalid,
                     "a private key is " + algorithm + ": use RSA of 2048 bits or more, P-256 or Ed25519");
  }
  return PrivateKey(native, std::move(algorithm));
}

Result<PrivateKey> PrivateKey::FromFile(const std::string& path) {
  SEKISHO_TRY(const FileDescriptor file, OpenFile(path, O_RDONLY));
  struct stat about {};
  if (fstat(file.get(), &about) != 0) return SystemError(errno, path);
  if ((about.st_mode & 077) != 0) {
    return MakeError(Code::kPermission, path + " may be read by others than its owner: chmod 600");
  }
  std::string octets(kMaxKeyFileOctets, '\0');
  size_t size = 0;
  while (size < octets.size()) {
    const ssize_t some = read(file.get(), octets.data() + size, octets.size() - size);
    if (some < 0) return SystemError(errno, path);
    if (some == 0) break;
    size += static_cast<size_t>(some);
  }
  if (size == octets.size()) return MakeError(Code::kInvalid, path + " is too large for a private key");
  octets.resize(size);
  auto key = FromPem(Secret<std::string>(std::move(octets)));
  if (!key.ok()) return Annotate(std::move(key).error(), path);
  return key;
}

bool PrivateKey::Matches(const Certificate& certificate) const {
  return EVP_PKEY_eq(native(), X509_get0_pubkey(certificate.native())) == 1;
}

Result<std::string> PrivateKey::Sign(std::string_view octets) const {
  using DigestContext = Handle<EVP_MD_CTX, EVP_MD_CTX_free>;
  static EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  const EVP_MD* const digest = EVP_PKEY_get_base_id(native()) == EVP_PKEY_ED25519 ? nullptr : sha256;
  const DigestContext context(EVP_MD_CTX_new());
  std::string signature(static_cast<size_t>(EVP_PKEY_get_size(native())), '\0');
  size_t size = signature.size();
  if (EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, native()) != 1 ||
      EVP_DigestSign(context.get(), Bytes(signature), &size, Bytes(octets), octets.size()) != 1) {
    return OpenSslError(Code::kInternal, "signing failed");
  }
  signature.resize(size);
  return signature;
}

std::string PrivateKey::PublicKeyDer() const {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(native(), &der);
  SEKISHO_CHECK(size > 0);
  std::string octets(reinterpret_cast<char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  return octets;
}

}  // namespace sekisho::crypto
