// What the libraries alone reach, on one core and on all: the limits that sealing is measured against.
//   limits_bench cms    S/MIME sign + encrypt of 10 KiB, RSA-2048, AES-256-CBC
//   limits_bench zip    AES-256 ZIP of a 1 MiB attachment (FILE: of that file's octets)
// Prints operations per second on one core, then on all together.
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <zip.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* p) const {
    Free(p);
  }
};
using Bio = std::unique_ptr<BIO, Deleter<BIO_free_all>>;
using Cms = std::unique_ptr<CMS_ContentInfo, Deleter<CMS_ContentInfo_free>>;
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;

[[noreturn]] void Die(const char* what) {
  std::fprintf(stderr, "limits_bench: %s\n", what);
  ERR_print_errors_fp(stderr);
  std::exit(1);
}

Certificate SelfSigned(EVP_PKEY* key) {
  Certificate certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 86400);
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("bench"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  X509_set_pubkey(certificate.get(), key);
  if (X509_sign(certificate.get(), key, EVP_sha256()) == 0) Die("X509_sign");
  return certificate;
}

std::function<void()> CmsOperation() {
  auto key = std::make_shared<Key>(EVP_RSA_gen(2048));
  auto certificate = std::make_shared<Certificate>(SelfSigned(key->get()));
  auto mail = std::make_shared<std::string>(10240, 'x');
  return [key, certificate, mail] {
    Bio in(BIO_new_mem_buf(mail->data(), static_cast<int>(mail->size())));
    constexpr unsigned kFlags = CMS_DETACHED | CMS_BINARY | CMS_STREAM;
    Cms signed_mail(CMS_sign(certificate->get(), key->get(), nullptr, in.get(), kFlags));
    Bio clear(BIO_new(BIO_s_mem()));
    if (!signed_mail || SMIME_write_CMS(clear.get(), signed_mail.get(), in.get(), kFlags) != 1) Die("CMS_sign");
    STACK_OF(X509)* recipients = sk_X509_new_null();
    sk_X509_push(recipients, certificate->get());
    Cms sealed(CMS_encrypt(recipients, clear.get(), EVP_aes_256_cbc(), CMS_BINARY));
    sk_X509_free(recipients);
    Bio out(BIO_new(BIO_s_mem()));
    if (!sealed || SMIME_write_CMS(out.get(), sealed.get(), nullptr, CMS_BINARY) != 1) Die("CMS_encrypt");
  };
}

std::function<void()> ZipOperation(const std::string& octets) {
  return [octets] {
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t* target = zip_source_buffer_create(nullptr, 0, 0, &error);
    zip_t* archive = zip_open_from_source(target, ZIP_TRUNCATE, &error);
    if (archive == nullptr) Die("zip_open_from_source");
    zip_source_keep(target);
    zip_source_t* source = zip_source_buffer(archive, octets.data(), octets.size(), 0);
    const zip_int64_t entry = zip_file_add(archive, "attachment.bin", source, ZIP_FL_ENC_UTF_8);
    if (entry < 0 || zip_set_file_compression(archive, static_cast<zip_uint64_t>(entry), ZIP_CM_DEFLATE, 6) != 0 ||
        zip_file_set_encryption(archive, static_cast<zip_uint64_t>(entry), ZIP_EM_AES_256, "0123456789abcdef") != 0 ||
        zip_close(archive) != 0) {
      Die("zip");
    }
    zip_source_free(target);
  };
}

double PerSecond(const std::function<void()>& operation, unsigned cores) {
  constexpr auto kTime = std::chrono::seconds(4);
  std::atomic<long> done = 0;
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < cores; ++i) {
    threads.emplace_back([&] {
      while (std::chrono::steady_clock::now() - begin < kTime) {
        operation();
        ++done;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  return static_cast<double>(done) / std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

std::string Attachment(int argc, char** argv) {
  if (argc < 3) return std::string(1 << 20, 'x');
  std::ifstream file(argv[2], std::ios::binary);
  if (!file) Die("cannot read the file");
  return std::string(std::istreambuf_iterator<char>(file), {});
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  if (what != "cms" && what != "zip") Die("usage: limits_bench cms|zip [FILE]");
  const auto operation = what == "cms" ? CmsOperation() : ZipOperation(Attachment(argc, argv));
  for (const unsigned cores : {1U, std::max(1U, std::thread::hardware_concurrency())}) {
    std::printf("%.1f\n", PerSecond(operation, cores));
  }
}
