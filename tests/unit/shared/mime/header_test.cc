// What header fields say: addresses, encoded words, parameters; and how words are written.

#include <gtest/gtest.h>

#include <string>

#include "shared/mime/address.h"
#include "shared/mime/encoded_word.h"
#include "shared/mime/parameters.h"
#include "shared/mime/transfer_encoding.h"
#include "shared/text/utf8.h"

namespace sekisho::mime {
namespace {

struct TextCase {
  const char* what;
  std::string in;
  std::string out;
};

TEST(EncodedWordTest, ReadsWhatMailersWrite) {
  const TextCase cases[] = {
      {"plain", " plain text ", "plain text"},
      {"B", "=?UTF-8?B?56S+5aSW56eY?=", "社外秘"},
      {"Q", "=?utf-8?q?=E7=A4=BE_=5F?=", "社 _"},
      {"joined", "=?UTF-8?B?56S+?= =?UTF-8?B?5aSW?=", "社外"},
      {"joined over a fold", "=?UTF-8?B?56S+?=\r\n =?UTF-8?B?5aSW?=", "社外"},
      {"apart from text", "a =?UTF-8?B?56S+?= b", "a 社 b"},
      {"without blanks, as some write", "Re:=?UTF-8?B?56S+?=!", "Re:社!"},
      {"a character cut between words", "=?UTF-8?B?56Q=?= =?UTF-8?B?vg==?=", "社"},
      {"ISO-2022-JP with extensions", "=?ISO-2022-JP?B?GyRCLSEbKEI=?=", "①"},
      {"two charsets", "=?UTF-8?Q?a?= =?ISO-2022-JP?B?GyRCPFIbKEI=?=", "a社"},
      {"language", "=?utf-8*ja?Q?a?=", "a"},
      {"unknown charset", "=?x-none?B?56S+?=", "社"},
      {"unknown encoding", "=?utf-8?X?a?=", "=?utf-8?X?a?="},
      {"not closed", "=?utf-8?B?56S+", "=?utf-8?B?56S+"},
      {"blanks in Q", "=?utf-8?Q?a b?=", "a b"},
      {"base64 without padding", "=?utf-8?B?56S?=", "\uFFFD\uFFFD"},
      {"raw UTF-8", "社外秘", "社外秘"},
      {"raw ISO-2022-JP", "\x1B$B<R30Hk\x1B(B", "社外秘"},
      {"raw Shift_JIS", "\x8E\xD0\x8AO\x94\xE9\x82\xC5\x82\xB7", "社外秘です"},
      {"raw EUC-JP", "\xBC\xD2\xB3\xB0\xC8\xEB\xA4\xC7\xA4\xB9", "社外秘です"},
      {"line end inside a word", "=?utf-8?Q?a=0D=0ABcc:_x?=", "a  Bcc: x"},
      {"quoted word", "\"=?UTF-8?B?56S+?=\"", "\"社\""},
      {"empty word",
       "=?utf-8?Q?"
       "?=",
       ""},
  };
  for (const TextCase& c : cases) EXPECT_EQ(DecodeText(c.in), c.out) << c.what;
}

TEST(EncodedWordTest, WritesShortWordsThatReadBack) {
  for (const std::string& text : {std::string("社外秘"), std::string("mostly ASCII “quoted”"),
                                  std::string("a_b=c?d  e"), std::string("😀"), std::string(" "), [] {
                                    std::string s;
                                    for (int i = 0; i < 200; ++i) s += i % 3 == 0 ? "漢" : "a 😀";
                                    return s;
                                  }()}) {
    for (const size_t column : {size_t{0}, size_t{9}, size_t{60}}) {
      const std::string words = EncodeWords(text, column);
      EXPECT_TRUE(text::IsAscii(words));
      EXPECT_EQ(DecodeWords([&] {
                  std::string s;
                  for (const char c : words)
                    if (c != '\r' && c != '\n') s += c;
                  return s;
                }()),
                text);
      for (size_t at = 0; at < words.size();) {
        const size_t end = std::min(words.find("\r\n ", at), words.size());
        EXPECT_LE(end - at, 75u) << words;
        EXPECT_TRUE(text::IsValidUtf8(DecodeWords(words.substr(at, end - at)))) << "no word cuts a character";
        at = end + 3;
      }
    }
  }
}

TEST(EncodedWordTest, HostileWordsCostLittle) {
  std::string header;
  while (header.size() < 32 << 10) header += "=?a?B? ";
  EXPECT_FALSE(DecodeText(header).empty());
}

struct AddressCase {
  const char* what;
  std::string in;
  std::vector<std::string> out;
};

// "name|address", "?" before what isn't valid.
std::vector<std::string> Show(const AddressList& list) {
  std::vector<std::string> shown;
  for (const Address& a : list.addresses) shown.push_back((a.valid ? "" : "?") + a.display_name + "|" + a.AddrSpec());
  return shown;
}

TEST(AddressTest, ReadsListsAsMailProgramsDo) {
  const AddressCase cases[] = {
      {"bare", "a@b.example", {"|a@b.example"}},
      {"angle", "Yamada <a@b.example>", {"Yamada|a@b.example"}},
      {"quoted", "\"Yamada, Hanako\" <a@b.example>", {"Yamada, Hanako|a@b.example"}},
      {"escapes", "\"a \\\"b\\\" c\" <a@b.example>", {"a \"b\" c|a@b.example"}},
      {"comment as name", "a@b.example (山田)", {"山田|a@b.example"}},
      {"several", "a@b.example,, c@d.example ,", {"|a@b.example", "|c@d.example"}},
      {"group", "友人: a@b.example, c@d.example; e@f.example", {"|a@b.example", "|c@d.example", "|e@f.example"}},
      {"empty group", "undisclosed-recipients:;", {}},
      {"group without its end", "undisclosed-recipients:", {}},
      {"empty", "", {}},
      {"encoded name", "=?UTF-8?B?5bGx55Sw?= <a@b.example>", {"山田|a@b.example"}},
      {"encoded name in quotes", "\"=?UTF-8?B?5bGx55Sw?=\" <a@b.example>", {"山田|a@b.example"}},
      {"encoded comma isn't one", "=?UTF-8?Q?a=2C_x=40y?= <a@b.example>", {"a, x@y|a@b.example"}},
      {"upper-case domain", "a@B.EXAMPLE", {"|a@b.example"}},
      {"U-label", "a@例え.jp", {"|a@xn--r8jz45g.jp"}},
      {"UTF-8 local part", "山田@b.example", {"|山田@b.example"}},
      {"quoted local part", "\"a b\"@b.example", {"|\"a b\"@b.example"}},
      {"carrier's dots", "a..b.@b.example", {"|a..b.@b.example"}},
      {"literal", "a@[192.0.2.1]", {"|a@[192.0.2.1]"}},
      {"address shown as name", "a@b.example <a@b.example>", {"a@b.example|a@b.example"}},
      {"quoted address as name", "\"x@y.example\" <a@b.example>", {"x@y.example|a@b.example"}},
      {"no address", "各位", {"?各位|"}},
      {"local user", "root", {"?root|"}},
  };
  for (const AddressCase& c : cases) {
    const AddressList list = ReadAddresses(c.in, 100);
    EXPECT_FALSE(list.ambiguous) << c.what;
    EXPECT_EQ(Show(list), c.out) << c.what;
  }
}

TEST(AddressTest, SaysWhenAnEntryCouldBeSeveral) {
  const std::pair<const char*, std::string> cases[] = {
      {"another address as name", "x@y.example <a@b.example>"},
      {"two brackets", "<a@b.example> <c@d.example>"},
      {"text behind", "<a@b.example> c@d.example"},
      {"two at signs", "a@b@c.example"},
      {"blank inside", "a b@c.example"},
      {"comment inside", "a@(x)b.example"},
      {"route", "<@x.example:a@b.example>"},
      {"quote that doesn't end", "\"a <a@b.example>"},
      {"bracket that doesn't end", "<a@b.example"},
      {"semicolons as commas", "a@b.example; c@d.example"},
      {"encoded local part", "=?utf-8?q?x=40y?=@b.example"},
      {"group in a group", "a: b: c@d.example;;"},
  };
  for (const auto& [what, in] : cases) {
    const AddressList list = ReadAddresses(in, 100);
    EXPECT_TRUE(list.ambiguous) << what;
    ASSERT_FALSE(list.addresses.empty()) << what;
    EXPECT_FALSE(list.addresses.front().valid) << what;
  }
}

TEST(AddressTest, RawJapaneseNamesPassUnlessTheyHideAnAddress) {
  // The JIS codes of these characters hold '"', '(', ',' and '<'.
  const AddressList jis = ReadAddresses("\x1B$B!\"(,<<;3ED\x1B(B <a@b.example>", 100);
  EXPECT_FALSE(jis.ambiguous);
  ASSERT_EQ(jis.addresses.size(), 1u);
  EXPECT_EQ(jis.addresses[0].AddrSpec(), "a@b.example");
  const AddressList sjis = ReadAddresses("\"\x94\xAD\x95\x5C\" <a@b.example>", 100);
  EXPECT_FALSE(sjis.ambiguous) << "the second octet of 表 is a backslash";
  EXPECT_EQ(sjis.addresses[0].display_name, "発表");
  const AddressList hidden = ReadAddresses("\x1B$B,<evil@x.example>,\x1B(B <a@b.example>", 100);
  EXPECT_TRUE(hidden.ambiguous) << "ASCII readers see another address";
}

TEST(AddressTest, CountsToItsLimit) {
  const AddressList list = ReadAddresses("a@b.example, c@d.example, e@f.example", 2);
  EXPECT_EQ(list.addresses.size(), 2u);
  EXPECT_TRUE(list.ambiguous);
}

std::string Decoded(TransferEncoding encoding, std::string_view body) {
  std::string out;
  const Status status = DecodeTransfer(encoding, body, [&](std::string_view piece) -> Status {
    out += piece;
    return Ok();
  });
  return status.ok() ? out : "error";
}

TEST(TransferEncodingTest, RoundTrips) {
  std::string octets;
  uint32_t random = 3;
  for (size_t size = 0; size < 300; ++size) {
    EXPECT_EQ(Decoded(TransferEncoding::kBase64, EncodeBase64Lines(octets)), octets);
    std::string text;
    for (const char c : octets)
      text += c == '\n' || c == '\r' ? std::string("\r\n") : std::string(1, c == '\0' ? 'x' : c);
    const std::string encoded = EncodeQuotedPrintable(text);
    EXPECT_EQ(Decoded(TransferEncoding::kQuotedPrintable, encoded), text);
    for (size_t at = 0; at < encoded.size();) {
      const size_t end = std::min(encoded.find("\r\n", at), encoded.size());
      EXPECT_LE(end - at, 76u);
      EXPECT_TRUE(end == at || (encoded[end - 1] != ' ' && encoded[end - 1] != '\t'))
          << "a blank at a line's end is lost on the way";
      at = end + 2;
    }
    random = random * 1664525 + 1013904223;
    octets += static_cast<char>(random >> 24);
  }
  std::string large(300000, '\0');
  for (size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 31);
  EXPECT_EQ(Decoded(TransferEncoding::kBase64, EncodeBase64Lines(large)), large);
  EXPECT_EQ(Decoded(TransferEncoding::kBinary, large), large);
}

TEST(TransferEncodingTest, RefusesWhatDecodersTreatDifferently) {
  for (const char* bad : {"A", "AB", "ABC", "AB=", "A===", "=", "ABCD=", "AB==C", "AB==CDEF", "AB*=", "ABC=\r\nDEFG",
                          "AB==\r\n=", "AB_-"}) {
    EXPECT_EQ(Decoded(TransferEncoding::kBase64, bad), "error") << bad;
  }
  for (const char* good : {"", "\r\n", "QUI=", "QU I=\r\n", "Q\r\nUI=", " Q U I = "}) {
    EXPECT_EQ(Decoded(TransferEncoding::kBase64, good), std::string(good).find('Q') == std::string::npos ? "" : "AB")
        << good;
  }
  for (const char* bad : {"a=b", "=4", "=G0", "==", "= x"}) {
    EXPECT_EQ(Decoded(TransferEncoding::kQuotedPrintable, bad), "error") << bad;
  }
  EXPECT_EQ(Decoded(TransferEncoding::kQuotedPrintable, "a=\r\nb= \t\r\n=3d="), "ab=");
}

}  // namespace
}  // namespace sekisho::mime
