// Canonicalisation must not depend on how the mail came in pieces, and no header may stop or crash the signer.
#include <cstdint>
#include <string_view>

#include "shared/mailauth/dkim_signer.h"

namespace {

// From RFC 8032 §7.1, TEST 1.
constexpr char kKey[] =
    "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE "
    "KEY-----\n";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* octets, size_t size) {
  using namespace sekisho;
  const std::string_view input(reinterpret_cast<const char*>(octets), size);
  mailauth::DkimBodyHash whole, pieces;
  whole.Update(input);
  for (const char& octet : input) pieces.Update({&octet, 1});
  const std::string hash = whole.Finish();
  SEKISHO_CHECK(hash == pieces.Finish());

  static const mailauth::DkimSigner signer =
      *mailauth::DkimSigner::Create({{"example.jp", "s", *crypto::PrivateKey::FromPem(Secret<std::string>(kKey))}});
  static_cast<void>(signer.Sign(input, hash, "example.jp", TimePoint()));
  return 0;
}
