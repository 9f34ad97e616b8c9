#pragma once
// Names of public-key algorithms. Not for other modules.

#include <string>

struct evp_pkey_st;

namespace sekisho::crypto {

// "RSA-2048", "P-256", "Ed25519"; for others OpenSSL's name with the bits.
std::string KeyAlgorithm(const evp_pkey_st* key);

}  // namespace sekisho::crypto
