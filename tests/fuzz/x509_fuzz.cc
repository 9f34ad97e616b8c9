// A certificate or revocation list that an officer imports is read in the process that holds the keys.
#include <cstdint>
#include <string_view>

#include "shared/crypto/x509.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* octets, size_t size) {
  using namespace sekisho::crypto;
  const std::string_view input(reinterpret_cast<const char*>(octets), size);
  const auto bundle = Certificate::ParseBundle(input);
  if (bundle.ok()) {
    const TrustStore trust(*bundle);
    for (const Certificate& certificate : *bundle) {
      const auto now = certificate.not_before();
      static_cast<void>(VerifyForEncryption(certificate, *bundle, trust, "", now));
      static_cast<void>(CheckForSigning(certificate, now));
      static_cast<void>(Certificate::ParseBundle(certificate.Pem()));
    }
  }
  static_cast<void>(RevocationList::ParseBundle(input));
  return 0;
}
