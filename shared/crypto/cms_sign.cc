#include <openssl/cms.h>

#include <algorithm>

#include "shared/base/bytes.h"
#include "shared/base/random.h"
#include "shared/crypto/base64_lines.h"
#include "shared/crypto/cms.h"
#include "shared/crypto/openssl.h"

namespace sekisho::crypto {
namespace {

using Cms = Handle<CMS_ContentInfo, CMS_ContentInfo_free>;
using BioChain = Handle<BIO, BIO_free_all>;
using Time = Handle<ASN1_TIME, ASN1_TIME_free>;

void FreeCapabilities(STACK_OF(X509_ALGOR) * algorithms) { sk_X509_ALGOR_pop_free(algorithms, X509_ALGOR_free); }
using Capabilities = Handle<STACK_OF(X509_ALGOR), FreeCapabilities>;

// What we read in replies, best first (RFC 8551 §2.5.2). OpenSSL's own list still offers triple DES and RC2.
STACK_OF(X509_ALGOR) * OurCapabilities() {
  static const Capabilities capabilities = [] {
    STACK_OF(X509_ALGOR)* list = nullptr;
    SEKISHO_CHECK(CMS_add_simple_smimecap(&list, NID_aes_256_gcm, -1) == 1 &&
                  CMS_add_simple_smimecap(&list, NID_aes_256_cbc, -1) == 1 &&
                  CMS_add_simple_smimecap(&list, NID_aes_128_cbc, -1) == 1);
    return Capabilities(list);
  }();
  return capabilities.get();
}

bool AddAttributes(CMS_SignerInfo* signer, TimePoint now) {
  // X.509's rule for which type holds which year (RFC 5652 §11.3): ASN1_TIME_adj follows it.
  const Time time(ASN1_TIME_adj(nullptr, std::chrono::system_clock::to_time_t(now), 0, 0));
  return time != nullptr &&
         CMS_signed_add1_attr_by_NID(signer, NID_pkcs9_signingTime, time->type, time.get(), -1) == 1 &&
         CMS_add_smimecap(signer, OurCapabilities()) == 1;
}

Result<std::string> Encode(CMS_ContentInfo* cms) {
  std::string der;
  const int size = i2d_CMS_ContentInfo(cms, nullptr);
  if (size <= 0) return OpenSslError(Code::kInternal, "a signature can't be encoded");
  der.resize(static_cast<size_t>(size));
  unsigned char* out = Bytes(der);
  i2d_CMS_ContentInfo(cms, &out);
  return der;
}

}  // namespace

Result<CmsSigner> CmsSigner::Create(PrivateKey key, Certificate certificate, std::vector<Certificate> chain,
                                    TimePoint now) {
  if (key.algorithm() == "Ed25519")
    return MakeError(Code::kInvalid, "S/MIME readers don't know Ed25519: use RSA or P-256");
  if (!key.Matches(certificate)) return MakeError(Code::kInvalid, "the certificate isn't that of the private key");
  SEKISHO_RETURN_IF_ERROR(CheckForSigning(certificate, now));
  // A file of the whole chain often begins with the certificate itself; CMS takes each only once.
  std::vector<Certificate> links;
  for (Certificate& link : chain) {
    const auto same = [&](const Certificate& other) { return other.fingerprint() == link.fingerprint(); };
    if (!same(certificate) && std::none_of(links.begin(), links.end(), same)) links.push_back(std::move(link));
  }
  return CmsSigner(std::move(key), std::move(certificate), std::move(links));
}

Result<SignatureFrame> CmsSigner::Sign(std::string_view entity, TimePoint now) const {
  SEKISHO_RETURN_IF_ERROR(CheckForSigning(certificate_, now));
  constexpr unsigned kFlags = CMS_PARTIAL | CMS_DETACHED | CMS_BINARY | CMS_NOSMIMECAP;
  const Cms cms(CMS_sign(nullptr, nullptr, nullptr, nullptr, kFlags));
  if (cms == nullptr) return OpenSslError(Code::kInternal, "a signature can't be begun");
  CMS_SignerInfo* const signer = CMS_add1_signer(cms.get(), certificate_.native(), key_.native(), EVP_sha256(), kFlags);
  if (signer == nullptr || !AddAttributes(signer, now))
    return OpenSslError(Code::kInternal, "a signature can't be prepared");
  for (const Certificate& link : chain_) {
    if (CMS_add1_cert(cms.get(), link.native()) != 1) return OpenSslError(Code::kInternal, "a chain can't be added");
  }
  // Not CMS_final: that copies the content through small buffers. This chain is a digest in front of nothing.
  const BioChain content(CMS_dataInit(cms.get(), nullptr));
  size_t written = 0;
  if (content == nullptr || BIO_write_ex(content.get(), entity.data(), entity.size(), &written) != 1 ||
      CMS_dataFinal(cms.get(), content.get()) != 1) {
    return OpenSslError(Code::kInternal, "signing failed");
  }
  SEKISHO_TRY(const std::string der, Encode(cms.get()));

  const std::string boundary = "----sekisho-" + HexEncode(RandomOctets(16));
  SignatureFrame frame;
  frame.head =
      "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\";\r\n"
      "\tmicalg=\"sha-256\"; boundary=\"" +
      boundary +
      "\"\r\n"
      "\r\n"
      "This is an S/MIME signed message.\r\n"
      "\r\n"
      "--" +
      boundary + "\r\n";
  frame.tail = "\r\n--" + boundary +
               "\r\n"
               "Content-Type: application/pkcs7-signature; name=\"smime.p7s\"\r\n"
               "Content-Transfer-Encoding: base64\r\n"
               "Content-Disposition: attachment; filename=\"smime.p7s\"\r\n"
               "\r\n";
  Base64Lines lines;
  lines.Append(der, frame.tail);
  lines.Finish(frame.tail);
  frame.tail += "\r\n--" + boundary + "--\r\n";
  return frame;
}

}  // namespace sekisho::crypto
