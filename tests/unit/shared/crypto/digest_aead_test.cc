#include <gtest/gtest.h>

#include "shared/base/bytes.h"
#include "shared/base/random.h"
#include "shared/crypto/aead.h"
#include "shared/crypto/digest.h"

namespace sekisho::crypto {
namespace {

TEST(DigestTest, KnownAnswers) {
  EXPECT_EQ(HexEncode(Sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");  // FIPS 180-4
  EXPECT_EQ(HexEncode(HmacSha256(Secret<std::string>("Jefe"), "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");  // RFC 4231 §4.3
  const auto ikm = HexDecode("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b");
  const auto salt = HexDecode("000102030405060708090a0b0c");
  const auto info = HexDecode("f0f1f2f3f4f5f6f7f8f9");
  EXPECT_EQ(HexEncode(HkdfSha256(Secret<std::string>(*ikm), *salt, *info, 42).Reveal()),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");  // RFC 5869 A.1
}

TEST(DigestTest, HmacTakesKeysOfAnySize) {
  EXPECT_EQ(HexEncode(HmacSha256(Secret<std::string>(std::string(131, '\xaa')),
                                 "Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");  // RFC 4231 §4.7
  EXPECT_EQ(HexEncode(HmacSha256(Secret<std::string>(), "")),
            "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(DigestTest, HkdfWithoutSalt) {
  EXPECT_EQ(HexEncode(HkdfSha256(Secret<std::string>(std::string(22, '\x0b')), "", "", 42).Reveal()),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");  // RFC 5869 A.3
}

TEST(DigestTest, PiecesGiveTheSame) {
  Sha256Stream stream;
  stream.Update("a");
  stream.Update("");
  stream.Update("bc");
  EXPECT_EQ(stream.Finish(), Sha256("abc"));
}

TEST(AeadTest, OpensWhatTheGcmSpecificationSealed) {  // its test case 16
  const Secret<std::string> key(*HexDecode("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"));
  const std::string sealed = *HexDecode(
      "cafebabefacedbaddecaf888"
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0a"
      "bcc9f662"
      "76fc6ece0f4e1768cddf8853bb2d551b");
  EXPECT_EQ(HexEncode(*AeadOpen(key, *HexDecode("feedfacedeadbeeffeedfacedeadbeefabaddad2"), sealed)),
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa"
            "0de657ba637b39");
}

TEST(AeadTest, OpensOnlyWithItsKeyContextAndOctets) {
  const Secret<std::string> key(RandomOctets(kAeadKeySize));
  const std::string sealed = AeadSeal(key, "context", "secret");
  EXPECT_EQ(sealed.find("secret"), std::string::npos);
  EXPECT_EQ(*AeadOpen(key, "context", sealed), "secret");
  EXPECT_EQ(AeadOpen(key, "other", sealed).error().code, Code::kCorrupt);
  EXPECT_FALSE(AeadOpen(Secret<std::string>(RandomOctets(kAeadKeySize)), "context", sealed).ok());
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(AeadOpen(key, "context", changed).ok()) << i;
    EXPECT_FALSE(AeadOpen(key, "context", sealed.substr(0, i)).ok()) << i;
  }
}

class StreamTest : public ::testing::TestWithParam<size_t> {};

std::string SealAll(const Secret<std::string>& key, const std::string& plaintext, size_t piece) {
  StreamSealer sealer(key, "aad");
  std::string out;
  for (size_t at = 0; at < plaintext.size(); at += piece) out += sealer.Append(plaintext.substr(at, piece));
  return out + sealer.Finish();
}

Result<std::string> OpenAll(const Secret<std::string>& key, const std::string& sealed, size_t piece) {
  StreamOpener opener(key, "aad");
  std::string out;
  for (size_t at = 0; at < sealed.size(); at += piece) {
    SEKISHO_TRY(const std::string some, opener.Append(sealed.substr(at, piece)));
    out += some;
  }
  SEKISHO_TRY(const std::string rest, opener.Finish());
  return out + rest;
}

TEST_P(StreamTest, RoundTripsInAnyPieces) {
  const Secret<std::string> key(RandomOctets(kAeadKeySize));
  const std::string plaintext = RandomOctets(GetParam());
  for (const size_t piece : {size_t{1000}, kStreamChunk, 3 * kStreamChunk + 1}) {
    EXPECT_EQ(*OpenAll(key, SealAll(key, plaintext, piece), piece + 7), plaintext);
  }
}

TEST_P(StreamTest, FindsCutsAndSwaps) {
  const Secret<std::string> key(RandomOctets(kAeadKeySize));
  const std::string sealed = SealAll(key, RandomOctets(GetParam()), 4096);
  constexpr size_t kWhole = kStreamChunk + kAeadTagSize;
  for (size_t keep = kStreamPrefix; keep < sealed.size(); keep += kWhole) {
    EXPECT_FALSE(OpenAll(key, sealed.substr(0, keep), 4096).ok()) << "cut at a chunk's end: " << keep;
  }
  if (sealed.size() > kStreamPrefix + 2 * kWhole) {
    std::string swapped = sealed;
    swapped.replace(kStreamPrefix, kWhole, sealed.substr(kStreamPrefix + kWhole, kWhole));
    swapped.replace(kStreamPrefix + kWhole, kWhole, sealed.substr(kStreamPrefix, kWhole));
    EXPECT_FALSE(OpenAll(key, swapped, 4096).ok());
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, StreamTest,
                         ::testing::Values(0, 1, kStreamChunk - 1, kStreamChunk, kStreamChunk + 1, 3 * kStreamChunk,
                                           5 * kStreamChunk + 17));

}  // namespace
}  // namespace sekisho::crypto
