#include "shared/mailauth/dkim_signer.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <regex>

#include "shared/base/bytes.h"
#include "shared/base/handle.h"
#include "shared/crypto/digest.h"
#include "shared/testing/pki.h"

namespace sekisho::mailauth {
namespace {

using namespace std::chrono_literals;

const TimePoint kNow = std::chrono::sys_days(std::chrono::year(2026) / 11 / 24) + 3h;

std::string HashOf(std::string_view body, size_t piece = 1 << 20) {
  DkimBodyHash hash;
  for (size_t at = 0; at < body.size(); at += piece) hash.Update(body.substr(at, piece));
  return hash.Finish();
}

TEST(DkimBodyHashTest, Rfc6376Examples) {
  EXPECT_EQ(HashOf(" C \r\nD \t E\r\n\r\n\r\n"), crypto::Sha256(" C\r\nD E\r\n"));      // §3.4.5
  EXPECT_EQ(Base64Encode(HashOf("")), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");  // §3.4.4
  EXPECT_EQ(Base64Encode(HashOf("Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n")),
            "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=");  // A.2, RFC 8463 A.3
}

TEST(DkimBodyHashTest, Canonicalisation) {
  const std::pair<const char*, const char*> cases[] = {
      {"\r\n\r\n", ""},
      {" \t\r\n \r\n", ""},
      {"no end", "no end\r\n"},
      {"a \t ", "a\r\n"},
      {"  lead", " lead\r\n"},
      {"a\r\n \r\n\tb\r\n", "a\r\n\r\n b\r\n"},
      {"a\rb\nc\r", "a\rb\nc\r\r\n"},
      {"a \r b", "a \r b\r\n"},
      {"a\r\r\nb", "a\r\r\nb\r\n"},
      {"\xe6\x97\xa5 \xe6\x9c\xac\r\n", "\xe6\x97\xa5 \xe6\x9c\xac\r\n"},
  };
  for (const auto& [body, canonical] : cases) {
    for (const size_t piece : {1, 2, 3, 100}) {
      EXPECT_EQ(HashOf(body, piece), crypto::Sha256(canonical))
          << ::testing::PrintToString(body) << " in pieces of " << piece;
    }
  }
  std::string large, canonical;
  for (int i = 0; i < 20000; ++i) large += "line \t of text \r\n", canonical += "line of text\r\n";
  EXPECT_EQ(HashOf(large, 777), crypto::Sha256(canonical));
}

// A verifier as plain as RFC 6376 reads.

std::string Relax(const std::string& field) {
  const size_t colon = field.find(':');
  std::string value = std::regex_replace(field.substr(colon + 1), std::regex("[ \t\r\n]+"), " ");
  value = std::regex_replace(value, std::regex("^ | $"), "");
  return std::regex_replace(AsciiLower(field.substr(0, colon)), std::regex("[ \t]+$"), "") + ":" + value;
}

std::vector<std::string> Fields(const std::string& header) {
  std::vector<std::string> fields;
  size_t begin = 0;
  for (size_t end; (end = header.find("\r\n", begin)) != std::string::npos; begin = end + 2) {
    const std::string line = header.substr(begin, end - begin);
    if (line.empty()) break;
    if (line[0] == ' ' || line[0] == '\t') {
      fields.back() += "\r\n" + line;
    } else {
      fields.push_back(line);
    }
  }
  return fields;
}

std::string Tag(const std::string& signature, const std::string& name) {
  const std::string flat = std::regex_replace(signature.substr(signature.find(':') + 1), std::regex("[ \t\r\n]+"), "");
  std::smatch found;
  return std::regex_search(flat, found, std::regex("(^|;)" + name + "=([^;]*)")) ? found[2].str() : "";
}

bool Verify(const std::string& signature, const std::string& header, const std::string& body,
            const crypto::PrivateKey& key) {
  if (Base64Encode(HashOf(body)) != Tag(signature, "bh")) return false;
  std::vector<std::string> rest = Fields(header);
  std::string octets;
  std::string names = Tag(signature, "h") + ":";
  for (size_t at = 0, end; (end = names.find(':', at)) != std::string::npos; at = end + 1) {
    const std::string name = names.substr(at, end - at);
    for (size_t i = rest.size(); i-- > 0;) {
      if (Relax(rest[i]).substr(0, name.size() + 1) != name + ":") continue;
      octets += Relax(rest[i]) + "\r\n";
      rest.erase(rest.begin() + static_cast<long>(i));
      break;
    }
  }
  octets += Relax(std::regex_replace(signature, std::regex("b=[^;]*$"), "b="));

  const std::string der = key.PublicKeyDer(), sig = *Base64Decode(Tag(signature, "b"));
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const Handle<EVP_PKEY, EVP_PKEY_free> pub(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
  const Handle<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  const bool edwards = Tag(signature, "a") == "ed25519-sha256";
  if (edwards) octets = crypto::Sha256(octets);
  EVP_DigestVerifyInit(context.get(), nullptr, edwards ? nullptr : EVP_sha256(), nullptr, pub.get());
  return EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(sig.data()), sig.size(),
                          reinterpret_cast<const unsigned char*>(octets.data()), octets.size()) == 1;
}

crypto::PrivateKey Key(const std::string& kind) {
  return *crypto::PrivateKey::FromPem(Secret<std::string>(testing::TestKeyPem(kind)));
}

DkimSigner Both() {
  return *DkimSigner::Create({{"Example.JP", "r", Key("RSA-2048")}, {"example.jp", "e", Key("Ed25519")}});
}

const std::string kHeader =
    "Received: from a by b\r\n"
    "From: =?UTF-8?B?5bGx55Sw?=\r\n <yamada@example.jp>\r\n"
    "TO  :\tsato@partner.example  \r\n"
    "Subject: first  and   \r\n\tsecond line \r\n"
    "Date: Tue, 24 Nov 2026 12:00:00 +0900\r\n"
    "Message-ID: <1@example.jp>\r\n"
    "MIME-Version: 1.0\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n";
const std::string kBody = "Hello \t world\r\n\r\n\r\n";

TEST(DkimSignerTest, EachKeysSignatureVerifies) {
  const auto signatures = Both().Sign(kHeader, HashOf(kBody), "example.jp", kNow);
  ASSERT_TRUE(signatures.ok());
  const std::vector<std::string> fields = Fields(*signatures);
  ASSERT_EQ(fields.size(), 2u);
  EXPECT_EQ(Tag(fields[0], "a"), "rsa-sha256");
  EXPECT_EQ(Tag(fields[0], "d"), "example.jp");
  EXPECT_EQ(Tag(fields[0], "s"), "r");
  EXPECT_EQ(Tag(fields[0], "t"), "1795489200");
  EXPECT_EQ(Tag(fields[1], "a"), "ed25519-sha256");
  EXPECT_TRUE(Verify(fields[0], kHeader, kBody, Key("RSA-2048")));
  EXPECT_TRUE(Verify(fields[1], kHeader, kBody, Key("Ed25519")));
  EXPECT_FALSE(Verify(fields[0], kHeader, kBody + "more", Key("RSA-2048")));
  EXPECT_FALSE(Verify(fields[0], std::regex_replace(kHeader, std::regex("second"), "changed"), kBody, Key("RSA-2048")));
}

TEST(DkimSignerTest, WhatIsRewrittenOnTheWayDoesNotBreakIt) {
  const std::vector<std::string> fields = Fields(*Both().Sign(kHeader, HashOf(kBody), "example.jp", kNow));
  const std::string refolded = "Received: another\r\n" + std::regex_replace(kHeader, std::regex("   \r\n\t"), "\r\n ");
  EXPECT_TRUE(Verify(fields[0], refolded, "Hello world  \r\n", Key("RSA-2048")));
}

TEST(DkimSignerTest, ASecondFieldThatReadersWouldShowBreaksIt) {
  const std::string signature = Fields(*Both().Sign(kHeader, HashOf(kBody), "example.jp", kNow))[0];
  for (const char* name : {"From", "To", "Cc", "Subject", "Date", "Reply-To", "Content-Type",
                           "Content-Transfer-Encoding", "Content-Disposition", "Content-ID"}) {
    EXPECT_FALSE(Verify(signature, std::string(name) + ": added\r\n" + kHeader, kBody, Key("RSA-2048"))) << name;
  }
  EXPECT_EQ(Tag(signature, "l"), "");
}

TEST(DkimSignerTest, ARepeatedFieldIsSignedFromTheBottom) {
  const std::string header = "Reply-To: one@example.jp\r\nReply-To: two@example.jp\r\n" + kHeader;
  EXPECT_TRUE(
      Verify(Fields(*Both().Sign(header, HashOf(kBody), "example.jp", kNow))[0], header, kBody, Key("RSA-2048")));
}

TEST(DkimSignerTest, OnlyKeysOfTheSendersDomainSign) {
  const DkimSigner signer =
      *DkimSigner::Create({{"example.jp", "a", Key("Ed25519")}, {"sales.example.jp", "b", Key("Ed25519")}});
  const auto count = [&](std::string_view domain) {
    return Fields(*signer.Sign(kHeader, HashOf(kBody), domain, kNow)).size();
  };
  EXPECT_EQ(count("example.jp"), 1u);
  EXPECT_EQ(count("SALES.example.jp"), 2u);
  EXPECT_EQ(count("notexample.jp"), 0u);
  EXPECT_EQ(count("jp"), 0u);
}

TEST(DkimSignerTest, LinesAreShort) {
  const std::string signatures = *Both().Sign(kHeader, HashOf(kBody), "example.jp", kNow);
  size_t begin = 0;
  for (size_t end; (end = signatures.find("\r\n", begin)) != std::string::npos; begin = end + 2)
    EXPECT_LE(end - begin, 78u);
  EXPECT_EQ(begin, signatures.size());
}

TEST(DkimSignerTest, TheHeaderMayEndWithItsEmptyLine) {
  const std::string hash = HashOf(kBody);
  const DkimSigner signer = *DkimSigner::Create({{"example.jp", "e", Key("Ed25519")}});  // deterministic
  EXPECT_EQ(*signer.Sign(kHeader + "\r\n", hash, "example.jp", kNow), *signer.Sign(kHeader, hash, "example.jp", kNow));
}

TEST(DkimSignerTest, RefusesHeadersItCannotRead) {
  for (const char* header :
       {"To: a@b\r\n", "", "\r\n", "From: a@b", "From: a@b\r\nno colon\r\n", ": x\r\nFrom: a@b\r\n"}) {
    EXPECT_EQ(Both().Sign(header, HashOf(""), "example.jp", kNow).error().code, Code::kMalformed) << header;
  }
}

TEST(DkimSignerTest, RefusesKeysAndNamesOfAnotherKind) {
  for (const auto& [domain, selector] : std::vector<std::pair<std::string, std::string>>{{"", "s"},
                                                                                         {"example.jp", ""},
                                                                                         {"exa;mple.jp", "s"},
                                                                                         {"example.jp", "s\r\nX: y"},
                                                                                         {"example..jp", "s"},
                                                                                         {".jp", "s"}}) {
    EXPECT_EQ(DkimSigner::Create({{domain, selector, Key("Ed25519")}}).error().code, Code::kInvalid)
        << domain << '/' << selector;
  }
  EXPECT_EQ(DkimSigner::Create({{"example.jp", "s", Key("P-256")}}).error().code, Code::kInvalid);
}

}  // namespace
}  // namespace sekisho::mailauth
