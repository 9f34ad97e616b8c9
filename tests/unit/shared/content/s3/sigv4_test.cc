#include "shared/content/s3/sigv4.h"

#include <gtest/gtest.h>

#include "shared/base/bytes.h"
#include "shared/crypto/digest.h"

namespace sekisho::content::s3 {
namespace {

// The examples of "Authenticating Requests: Using the Authorization Header" in the Amazon S3 API reference.
const Signer kExample{"AKIAIOSFODNN7EXAMPLE", Secret<std::string>("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
                      "us-east-1"};
constexpr TimePoint kExampleTime = std::chrono::sys_days(std::chrono::May / 24 / 2013);
const std::string kEmpty = HexEncode(crypto::Sha256(""));

Signable Example(const std::string& method, const std::string& path, const std::string& payload) {
  return {.method = method,
          .path = path,
          .query = {},
          .headers = {{"Host", "examplebucket.s3.amazonaws.com"},
                      {"x-amz-content-sha256", payload},
                      {"x-amz-date", "20130524T000000Z"}},
          .payload_sha256 = payload};
}

std::string Signature(const Signable& request) {
  const std::string header = Authorization(kExample, request, kExampleTime);
  return header.substr(header.rfind('=') + 1);
}

TEST(SigV4Test, SignsAGetOfARange) {
  Signable request = Example("GET", "/test.txt", kEmpty);
  request.headers.emplace_back("Range", "bytes=0-9");
  EXPECT_EQ(CanonicalRequest(request),
            "GET\n/test.txt\n\nhost:examplebucket.s3.amazonaws.com\nrange:bytes=0-9\nx-amz-content-sha256:" + kEmpty +
                "\nx-amz-date:20130524T000000Z\n\nhost;range;x-amz-content-sha256;x-amz-date\n" + kEmpty);
  EXPECT_EQ(Authorization(kExample, request, kExampleTime),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
            "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
            "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST(SigV4Test, SignsAPutWhoseNameHasASpecialCharacter) {
  Signable request = Example("PUT", "/test$file.text", HexEncode(crypto::Sha256("Welcome to Amazon S3.")));
  request.headers.emplace_back("Date", "Fri, 24 May 2013 00:00:00 GMT");
  request.headers.emplace_back("x-amz-storage-class", "REDUCED_REDUNDANCY");
  EXPECT_EQ(Signature(request), "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

TEST(SigV4Test, SignsAQueryWithoutValue) {
  Signable request = Example("GET", "/", kEmpty);
  request.query = {{"lifecycle", ""}};
  EXPECT_EQ(Signature(request), "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
}

TEST(SigV4Test, SignsAListing) {
  Signable request = Example("GET", "/", kEmpty);
  request.query = {{"prefix", "J"}, {"max-keys", "2"}};
  EXPECT_EQ(Signature(request), "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST(SigV4Test, EncodesAllButTheUnreserved) {
  EXPECT_EQ(UriEncode("azAZ09-._~", Slash::kEncoded), "azAZ09-._~");
  EXPECT_EQ(UriEncode("a b+c=d&e/f%g", Slash::kEncoded), "a%20b%2Bc%3Dd%26e%2Ff%25g");
  EXPECT_EQ(UriEncode("/a/b:c*", Slash::kKept), "/a/b%3Ac%2A");
  EXPECT_EQ(UriEncode("関", Slash::kKept), "%E9%96%A2");
}

TEST(SigV4Test, SortsAQueryByItsEncodedNames) {
  EXPECT_EQ(CanonicalQuery({{"b", "1"}, {"a", "2"}, {"a", "1"}, {"~", ""}, {"é", "x"}}), "%C3%A9=x&a=1&a=2&b=1&~=");
  EXPECT_EQ(CanonicalQuery({}), "");
}

TEST(SigV4Test, FoldsTheSpacesOfAHeader) {
  Signable request = Example("GET", "/", kEmpty);
  request.headers = {{"X-B", "  two   words "}, {"HOST", "h"}};
  EXPECT_EQ(CanonicalRequest(request), "GET\n/\n\nhost:h\nx-b:two words\n\nhost;x-b\n" + kEmpty);
}

}  // namespace
}  // namespace sekisho::content::s3
