#include "shared/content/s3/sigv4.h"

#include <algorithm>
#include <map>

#include "shared/base/bytes.h"
#include "shared/crypto/digest.h"

namespace sekisho::content::s3 {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

// Names in lower case and in order, values trimmed, spaces in a row made one.
std::map<std::string, std::string> CanonicalHeaders(const Fields& headers) {
  std::map<std::string, std::string> canonical;
  for (const auto& [name, value] : headers) {
    std::string folded;
    for (const char octet : AsciiTrim(value)) {
      if (octet != ' ' || !folded.ends_with(' ')) folded += octet;
    }
    canonical[AsciiLower(name)] = std::move(folded);
  }
  return canonical;
}

std::string SignedHeaders(const Fields& headers) {
  std::string names;
  for (const auto& [name, value] : CanonicalHeaders(headers)) names += (names.empty() ? "" : ";") + name;
  return names;
}

std::string Scope(const Signer& signer, TimePoint now) {
  return AmzDate(now).substr(0, 8) + "/" + signer.region + "/s3/aws4_request";
}

Secret<std::string> SigningKey(const Signer& signer, TimePoint now) {
  Secret<std::string> key("AWS4" + signer.secret_access_key.Reveal());
  for (const std::string& part :
       {AmzDate(now).substr(0, 8), signer.region, std::string("s3"), std::string("aws4_request")}) {
    key = Secret<std::string>(crypto::HmacSha256(key, part));
  }
  return key;
}

}  // namespace

std::string UriEncode(std::string_view text, Slash slash) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  constexpr std::string_view kUnreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string encoded;
  for (const char octet : text) {
    if (kUnreserved.find(octet) != std::string_view::npos || (octet == '/' && slash == Slash::kKept)) {
      encoded += octet;
    } else {
      const auto value = static_cast<unsigned char>(octet);
      encoded += {'%', kDigits[value >> 4], kDigits[value & 15]};
    }
  }
  return encoded;
}

std::string CanonicalQuery(const Fields& query) {
  Fields encoded;
  for (const auto& [name, value] : query) {
    encoded.emplace_back(UriEncode(name, Slash::kEncoded), UriEncode(value, Slash::kEncoded));
  }
  std::sort(encoded.begin(), encoded.end());
  std::string text;
  for (const auto& [name, value] : encoded) text += (text.empty() ? "" : "&") + name + "=" + value;
  return text;
}

std::string AmzDate(TimePoint now) {
  std::string date = FormatRfc3339(now).substr(0, 19) + "Z";
  std::erase_if(date, [](char octet) { return octet == '-' || octet == ':'; });
  return date;
}

std::string CanonicalRequest(const Signable& request) {
  std::string text =
      request.method + "\n" + UriEncode(request.path, Slash::kKept) + "\n" + CanonicalQuery(request.query) + "\n";
  for (const auto& [name, value] : CanonicalHeaders(request.headers)) text += name + ":" + value + "\n";
  return text + "\n" + SignedHeaders(request.headers) + "\n" + request.payload_sha256;
}

std::string Authorization(const Signer& signer, const Signable& request, TimePoint now) {
  const std::string scope = Scope(signer, now);
  const std::string to_sign = std::string(kAlgorithm) + "\n" + AmzDate(now) + "\n" + scope + "\n" +
                              HexEncode(crypto::Sha256(CanonicalRequest(request)));
  return std::string(kAlgorithm) + " Credential=" + signer.access_key_id + "/" + scope +
         ",SignedHeaders=" + SignedHeaders(request.headers) +
         ",Signature=" + HexEncode(crypto::HmacSha256(SigningKey(signer, now), to_sign));
}

}  // namespace sekisho::content::s3
