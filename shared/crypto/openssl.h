#pragma once
// What the sources of this module share about OpenSSL. Not for other modules.

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <string>
#include <string_view>

#include "shared/base/handle.h"
#include "shared/base/result.h"

namespace sekisho::crypto {

using BioHandle = Handle<BIO, BIO_free>;

inline const unsigned char* Bytes(std::string_view octets) {
  return reinterpret_cast<const unsigned char*>(octets.data());
}
inline unsigned char* Bytes(std::string& octets) { return reinterpret_cast<unsigned char*>(octets.data()); }

// Reads from `octets`, which must outlive it.
inline BioHandle ReadFrom(std::string_view octets) {
  BioHandle bio(BIO_new_mem_buf(octets.data(), static_cast<int>(octets.size())));
  SEKISHO_CHECK(bio != nullptr);
  return bio;
}

inline std::string Contents(BIO* memory) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  return std::string(data, static_cast<size_t>(size));
}

// `what` with OpenSSL's reason; empties the thread's error queue, so that no later call finds this error.
inline Error OpenSslError(Code code, std::string_view what) {
  const unsigned long number = ERR_peek_last_error();
  const char* const reason = number == 0 ? nullptr : ERR_reason_error_string(number);
  ERR_clear_error();
  return MakeError(code, std::string(what) + (reason == nullptr ? "" : std::string(": ") + reason));
}

}  // namespace sekisho::crypto
