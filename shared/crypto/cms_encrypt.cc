#include <openssl/cms.h>
#include <openssl/ec.h>

#include "shared/crypto/base64_lines.h"
#include "shared/crypto/cms.h"
#include "shared/crypto/openssl.h"

namespace sekisho::crypto {
namespace {

using Cms = Handle<CMS_ContentInfo, CMS_ContentInfo_free>;
using Method = Handle<BIO_METHOD, BIO_meth_free>;

constexpr size_t kPieceOctets = 64 << 10;

// The end of the BIO chain: base64 lines, handed on in pieces.
class Output {
 public:
  explicit Output(CmsSink sink) : sink_(sink) {}

  bool Take(std::string_view octets) {
    lines_.Append(octets, pending_);
    return pending_.size() < kPieceOctets || HandOn();
  }
  bool Finish() {
    lines_.Finish(pending_);
    return HandOn();
  }
  void Begin(std::string_view header) { pending_ += header; }
  Status& status() { return status_; }

 private:
  bool HandOn() {
    status_ = sink_(pending_);
    pending_.clear();
    return status_.ok();
  }

  CmsSink sink_;
  Base64Lines lines_;
  std::string pending_;
  Status status_;
};

int WriteOutput(BIO* bio, const char* octets, size_t size, size_t* written) {
  if (!static_cast<Output*>(BIO_get_data(bio))->Take({octets, size})) return 0;
  *written = size;
  return 1;
}

long ControlOutput(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

BioHandle NewOutputBio(Output& output) {
  static const Method method = [] {
    Method made(BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "base64 lines"));
    SEKISHO_CHECK(made != nullptr && BIO_meth_set_write_ex(made.get(), WriteOutput) == 1 &&
                  BIO_meth_set_ctrl(made.get(), ControlOutput) == 1);
    return made;
  }();
  BioHandle bio(BIO_new(method.get()));
  SEKISHO_CHECK(bio != nullptr);
  BIO_set_data(bio.get(), &output);
  BIO_set_init(bio.get(), 1);
  return bio;
}

bool AddRecipient(CMS_ContentInfo* cms, const Certificate& recipient) {
  const bool elliptic = EVP_PKEY_get_base_id(X509_get0_pubkey(recipient.native())) == EVP_PKEY_EC;
  CMS_RecipientInfo* const added = CMS_add1_recipient_cert(cms, recipient.native(), elliptic ? CMS_KEY_PARAM : 0);
  if (added == nullptr) return false;
  // OpenSSL's default KDF digest is SHA-1; RFC 8551 §2.3 asks for SHA-256.
  return !elliptic || EVP_PKEY_CTX_set_ecdh_kdf_md(CMS_RecipientInfo_get0_pkey_ctx(added), EVP_sha256()) == 1;
}

// Frees the filters that BIO_new_CMS put before `last`; some of them write when they are flushed, none when freed.
class FilterChain {
 public:
  FilterChain(BIO* first, BIO* last) : first_(first), last_(last) {}
  FilterChain(const FilterChain&) = delete;
  FilterChain& operator=(const FilterChain&) = delete;
  ~FilterChain() {
    while (first_ != nullptr && first_ != last_) {
      BIO* const next = BIO_pop(first_);
      BIO_free(first_);
      first_ = next;
    }
  }
  BIO* first() const { return first_; }

 private:
  BIO* first_;
  BIO* const last_;
};

std::string_view EntityHeader(ContentCipher cipher) {
  return cipher == ContentCipher::kAes256Gcm
             ? "Content-Type: application/pkcs7-mime; smime-type=authEnveloped-data;\r\n"
               "\tname=\"smime.p7m\"\r\n"
               "Content-Transfer-Encoding: base64\r\n"
               "Content-Disposition: attachment; filename=\"smime.p7m\"\r\n"
               "\r\n"
             : "Content-Type: application/pkcs7-mime; smime-type=enveloped-data;\r\n"
               "\tname=\"smime.p7m\"\r\n"
               "Content-Transfer-Encoding: base64\r\n"
               "Content-Disposition: attachment; filename=\"smime.p7m\"\r\n"
               "\r\n";
}

bool WritePieces(BIO* to, std::span<const std::string_view> pieces) {
  for (const std::string_view piece : pieces) {
    for (size_t at = 0; at < piece.size(); at += kPieceOctets) {
      const std::string_view some = piece.substr(at, kPieceOctets);
      size_t written = 0;
      if (BIO_write_ex(to, some.data(), some.size(), &written) != 1 || written != some.size()) return false;
    }
  }
  return BIO_flush(to) == 1;
}

}  // namespace

Status CmsEncrypt(std::span<const std::string_view> pieces, std::span<const Certificate> recipients,
                  ContentCipher cipher, CmsSink sink) {
  if (recipients.empty()) return MakeError(Code::kInvalid, "nobody to encrypt to");
  const Cms cms(cipher == ContentCipher::kAes256Gcm ? CMS_AuthEnvelopedData_create(EVP_aes_256_gcm())
                                                    : CMS_EnvelopedData_create(EVP_aes_256_cbc()));
  if (cms == nullptr || CMS_set_detached(cms.get(), 0) != 1)
    return OpenSslError(Code::kInternal, "encryption can't be begun");
  for (const Certificate& recipient : recipients) {
    if (!AddRecipient(cms.get(), recipient)) return OpenSslError(Code::kInvalid, "a recipient's key can't encrypt");
  }

  Output output(sink);
  output.Begin(EntityHeader(cipher));
  const BioHandle end = NewOutputBio(output);
  const FilterChain filters(BIO_new_CMS(end.get(), cms.get()), end.get());
  const bool written = filters.first() != nullptr && WritePieces(filters.first(), pieces) && output.Finish();
  if (!output.status().ok()) {
    ERR_clear_error();
    return output.status();
  }
  if (!written) return OpenSslError(Code::kInternal, "encryption failed");
  return Ok();
}

}  // namespace sekisho::crypto
