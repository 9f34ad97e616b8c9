#pragma once
// AWS Signature Version 4 in the Authorization header, as S3 takes it (the path is encoded once and not normalised).
// Pure.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shared/base/clock.h"
#include "shared/base/secret.h"

namespace sekisho::content::s3 {

using Fields = std::vector<std::pair<std::string, std::string>>;

// A request before it is encoded.
struct Signable {
  std::string method;
  std::string path;            // "/bucket/key"
  Fields query;                // in any order
  Fields headers;              // all of them are signed; Host must be there
  std::string payload_sha256;  // in hexadecimal
};

struct Signer {
  std::string access_key_id;
  Secret<std::string> secret_access_key;
  std::string region;
};

// RFC 3986: all but letters, digits and -._~ becomes %XX, of a path not the slashes.
enum class Slash { kKept, kEncoded };
std::string UriEncode(std::string_view text, Slash slash);
// "a=1&b=", sorted, encoded.
std::string CanonicalQuery(const Fields& query);

std::string AmzDate(TimePoint now);  // "20130524T000000Z"
std::string CanonicalRequest(const Signable& request);
// The value of the Authorization header. `request` must hold x-amz-date with AmzDate(now).
std::string Authorization(const Signer& signer, const Signable& request, TimePoint now);

}  // namespace sekisho::content::s3
