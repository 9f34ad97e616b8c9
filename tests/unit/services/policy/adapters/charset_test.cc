// 社外秘 as people in Japan send it, from the octets that came in to the parcel that waits for approval.

#include <gmock/gmock.h>

#include "shared/base/bytes.h"
#include "tests/unit/services/policy/adapters/policy_world.h"

namespace sekisho::policy {
namespace {

constexpr char kPolicy[] =
    "keyword_sets: [{name: c, words: [社外秘]}]\n"
    "rules:\n"
    "  - {id: c, when: {content: {keyword_sets: [c]}}, then: {approval: {}}}\n";

struct Charset {
  const char* name;
  std::string word;  // 社外秘
};

const std::vector<Charset>& Charsets() {
  static const std::vector<Charset> charsets{{"ISO-2022-JP", "\x1b$B<R30Hk\x1b(B"},
                                             {"Shift_JIS", "\x8e\xd0\x8aO\x94\xe9"},
                                             {"CP932", "\x8e\xd0\x8aO\x94\xe9"},
                                             {"EUC-JP", "\xbc\xd2\xb3\xb0\xc8\xeb"},
                                             {"UTF-8", "\xe7\xa4\xbe\xe5\xa4\x96\xe7\xa7\x98"}};
  return charsets;
}

std::string QuotedPrintable(const std::string& octets) {
  std::string encoded;
  for (const unsigned char octet : octets) {
    static constexpr char kHex[] = "0123456789ABCDEF";
    encoded += '=';
    encoded += kHex[octet >> 4];
    encoded += kHex[octet & 15];
  }
  return encoded;
}

std::string Mail(const std::string& more_header, const std::string& body) {
  return "From: hanako@example.jp\r\nTo: x@a.example\r\nMessage-ID: <1@example.jp>\r\nDate: Tue, 24 Nov 2026 01:02:03 "
         "+0000\r\n"
         "MIME-Version: 1.0\r\n" +
         more_header + "\r\n" + body;
}

class CharsetTest : public ::testing::Test {
 protected:
  CharsetTest() : world_(kPolicy) { SEKISHO_CHECK(world_.Start().ok()); }

  void ExpectFound(const std::string& raw, const std::string& place, const std::string& what) {
    world_.Submit(raw, {"x@a.example"});
    const auto event = world_.NextEvent();
    ASSERT_EQ(event.reasons_size(), 1) << what << ": " << event.detail();
    EXPECT_EQ(event.reasons(0).evidence(), "社外秘") << what;
    EXPECT_EQ(event.reasons(0).place(), place) << what;
    EXPECT_EQ(world_.NextParcel(bus::Topic::kJudged).recipients_size(), 1);
  }

  PolicyWorld world_;
};

TEST_F(CharsetTest, InTheBody) {
  for (const Charset& charset : Charsets()) {
    const std::string type = std::string("Content-Type: text/plain; charset=") + charset.name + "\r\n";
    const std::string text = "1\r\n2 " + charset.word + " 2\r\n";
    ExpectFound(Mail(type + "Content-Transfer-Encoding: 8bit\r\n", text), "body line 2",
                std::string(charset.name) + " as it is");
    ExpectFound(Mail(type + "Content-Transfer-Encoding: base64\r\n", Base64Encode(text) + "\r\n"), "body line 2",
                std::string(charset.name) + " in base64");
    ExpectFound(Mail(type + "Content-Transfer-Encoding: quoted-printable\r\n",
                     "1\r\n2 " + QuotedPrintable(charset.word) + "\r\n"),
                "body line 2", std::string(charset.name) + " in quoted-printable");
  }
}

TEST_F(CharsetTest, InTheBodyWhateverItClaimsToBe) {
  for (const Charset& charset : Charsets()) {
    const std::string word = charset.word + "\r\n" + charset.word + "\r\n";
    world_.Submit(Mail("Content-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: base64\r\n",
                       Base64Encode(word) + "\r\n"),
                  {"x@a.example"});
    EXPECT_THAT(world_.NextEvent().detail(), ::testing::StartsWith("approval")) << charset.name;
    world_.NextParcel(bus::Topic::kJudged);
  }
}

TEST_F(CharsetTest, OutsideTheParts) {
  for (const Charset& charset : Charsets()) {
    const std::string part = "--b\r\nContent-Type: text/plain\r\n\r\ntext\r\n--b--\r\n";
    const std::string type = "Content-Type: multipart/mixed; boundary=b\r\n";
    ExpectFound(Mail(type, charset.word + "\r\n" + part), "the mail line 1", std::string(charset.name) + " before");
    ExpectFound(Mail(type, part + charset.word + "\r\n"), "the mail line 1", std::string(charset.name) + " behind");
  }
}

TEST_F(CharsetTest, InTheSubject) {
  for (const Charset& charset : Charsets()) {
    const std::string word = std::string("=?") + charset.name + "?B?" + Base64Encode(charset.word) + "?=";
    ExpectFound(Mail("Subject: Re: " + word + "\r\n", ""), "subject", std::string(charset.name) + " B");
    const std::string quoted = std::string("=?") + charset.name + "?Q?" + QuotedPrintable(charset.word) + "?=";
    ExpectFound(Mail("Subject: " + quoted + "\r\n", ""), "subject", std::string(charset.name) + " Q");
    ExpectFound(Mail("Subject: " + charset.word + "\r\n", ""), "subject", std::string(charset.name) + " raw");
  }
}

TEST_F(CharsetTest, InTheNameOfAnAttachment) {
  for (const Charset& charset : Charsets()) {
    std::string percent = QuotedPrintable(charset.word);
    std::replace(percent.begin(), percent.end(), '=', '%');
    const std::string forms[] = {
        "Content-Disposition: attachment; filename*=" + std::string(charset.name) + "''" + percent + ".png\r\n",
        "Content-Disposition: attachment;\r\n filename*0*=" + std::string(charset.name) + "''" + percent.substr(0, 9) +
            ";\r\n filename*1*=" + percent.substr(9) + ".png\r\n",
        "Content-Disposition: attachment; filename=\"=?" + std::string(charset.name) + "?B?" +
            Base64Encode(charset.word + ".png") + "?=\"\r\n",
    };
    for (const std::string& form : forms) {
      ExpectFound(Mail("Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n" + form,
                       Base64Encode("\x89PNG\r\n\x1a\n" + std::string(20, '\0')) + "\r\n"),
                  "attachment 1 name", std::string(charset.name) + ": " + form);
    }
  }
}

TEST_F(CharsetTest, InHtmlAndInAnAttachedMessage) {
  for (const Charset& charset : Charsets()) {
    const std::string html = "<p>" + charset.word.substr(0, charset.word.size()) + "</p>";
    ExpectFound(Mail(std::string("Content-Type: text/html; charset=") + charset.name +
                         "\r\nContent-Transfer-Encoding: base64\r\n",
                     Base64Encode(html) + "\r\n"),
                "HTML body line 1", charset.name);
    const std::string inner =
        Mail(std::string("Subject: =?") + charset.name + "?B?" + Base64Encode(charset.word) + "?=\r\n", "text\r\n");
    ExpectFound(Mail("Content-Type: multipart/mixed; boundary=b\r\n",
                     "--b\r\nContent-Type: text/plain\r\n\r\ntext\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n" +
                         inner + "\r\n--b--\r\n"),
                "attachment 1 subject", charset.name);
  }
}

}  // namespace
}  // namespace sekisho::policy
