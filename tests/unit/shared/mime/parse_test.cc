#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "shared/mime/model.h"
#include "tests/unit/shared/mime/mails.h"

namespace sekisho::mime {
namespace {

using ::testing::HasSubstr;

Result<MailModel> ParseOwned(std::string raw, const Limits& limits = {}) {
  return Parse(std::make_shared<const std::string>(std::move(raw)), limits);
}

constexpr std::string_view kMixed = R"(Received: from a.example by b.example; Tue, 24 Nov 2026 10:00:00 +0900
From: =?ISO-2022-JP?B?GyRCOzNFRBsoQg==?= <hanako@example.jp>
To: "=?UTF-8?B?5L2Q6Jek?=" <sato@customer.example>, jiro@example.jp (二郎),
 Team: a@team.example, b@team.example;
Cc: =?UTF-8?Q?=E9=88=B4=E6=9C=A8?= <suzuki@xn--r8jz45g.jp>
Subject: =?UTF-8?B?6KaL56mN5pu4?= =?UTF-8?B?44Gu5Lu2?=
Date: Tue, 24 Nov 2026 10:00:00 +0900
Message-ID: <1@example.jp>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="outer"

This is a multi-part message in MIME format.
--outer
Content-Type: multipart/alternative; boundary="inner"

--inner
Content-Type: text/plain; charset=ISO-2022-JP
Content-Transfer-Encoding: 7bit

社外秘の見積です。
--inner
Content-Type: text/html; charset=UTF-8
Content-Transfer-Encoding: quoted-printable

<p>=E7=A4=BE<b>=E5=A4=96</b>=E7=A7=98</p><a href=3D"https://example.com/x">x</a>
--inner--
--outer
Content-Type: application/pdf; name="=?UTF-8?B?6KaL56mNLnBkZg==?="
Content-Disposition: attachment; filename*=UTF-8''%E8%A6%8B%E7%A9%8D.pdf
Content-Transfer-Encoding: base64

JVBERi0xLjQKJSVFT0YK
--outer
Content-Type: message/rfc822

From: old@example.jp
Subject: forwarded

the old text
--outer--
)";

std::string WithIso2022Jp(std::string text) {
  const std::string utf8 = "社外秘の見積です。", jis = "\x1B$B<R30Hk$N8+@Q$G$9!#\x1B(B";
  return text.replace(text.find(utf8), utf8.size(), jis);
}

TEST(ParseTest, ReadsAnOrdinaryMail) {
  const std::string raw = Crlf(WithIso2022Jp(std::string(kMixed)));
  const Result<MailModel> parsed = Parse(raw);
  ASSERT_TRUE(parsed.ok()) << parsed.error().ToString();
  const MailModel& mail = *parsed;
  EXPECT_EQ(mail.subject, "見積書の件");
  ASSERT_EQ(mail.from.size(), 1u);
  EXPECT_EQ(mail.from[0].display_name, "山田");
  EXPECT_EQ(mail.from[0].AddrSpec(), "hanako@example.jp");
  ASSERT_EQ(mail.to.size(), 4u);
  EXPECT_EQ(mail.to[0].display_name, "佐藤");
  EXPECT_EQ(mail.to[1].display_name, "二郎");
  EXPECT_EQ(mail.to[3].AddrSpec(), "b@team.example");
  EXPECT_EQ(mail.cc[0].domain, "xn--r8jz45g.jp");
  EXPECT_EQ(mail.message_id, "<1@example.jp>");
  EXPECT_TRUE(mail.has_date);
  EXPECT_EQ(mail.received_count, 1u);

  ASSERT_EQ(mail.parts.size(), 7u);
  EXPECT_EQ(mail.parts[0].role, Role::kMultipart);
  EXPECT_EQ(mail.parts[0].text.text, "this is a multi-part message in mime format.");
  const Part& body = mail.parts[2];
  EXPECT_EQ(body.role, Role::kBodyText);
  EXPECT_EQ(body.place, "body");
  EXPECT_EQ(body.section, "1.1");
  EXPECT_EQ(body.text.text, "社外秘の見積です。");
  EXPECT_EQ(*ReadableText(mail, body), "社外秘の見積です。");
  const Part& html = mail.parts[3];
  EXPECT_EQ(html.role, Role::kBodyHtml);
  EXPECT_EQ(html.text.text, "社外秘 x https://example.com/x");
  const Part& pdf = mail.parts[4];
  EXPECT_EQ(pdf.role, Role::kAttachment);
  EXPECT_EQ(pdf.place, "attachment 1");
  EXPECT_EQ(pdf.file_name, "見積.pdf");
  EXPECT_TRUE(pdf.other_names.empty());
  EXPECT_EQ(pdf.real_type, FileType::kPdf);
  EXPECT_FALSE(pdf.name_mismatch);
  EXPECT_EQ(*DecodeContent(mail, pdf), "%PDF-1.4\n%%EOF\n");
  EXPECT_EQ(pdf.decoded_size, 15u);
  const Part& message = mail.parts[5];
  EXPECT_EQ(message.role, Role::kMessage);
  EXPECT_EQ(message.place, "attachment 2");
  EXPECT_THAT(message.text.text, HasSubstr("subject: forwarded"));
  EXPECT_EQ(mail.parts[6].place, "attachment 2 > body");
  EXPECT_EQ(mail.parts[6].text.text, "the old text");
  EXPECT_EQ(mail.parts[6].depth, 2u);
}

struct Refusal {
  const char* what;
  std::string mail;
  Code code;
  const char* detail;
};

std::string Multipart(std::string_view type, std::string_view body) {
  return "MIME-Version: 1.0\nContent-Type: " + std::string(type) + "\n\n" + std::string(body);
}

std::string Leaf(std::string_view fields, std::string_view body) {
  return "MIME-Version: 1.0\n" + std::string(fields) + "\n" + std::string(body);
}

constexpr char kPart[] = "--b\nContent-Type: text/plain\n\nx\n";

TEST(ParseTest, RefusesWhatTwoReadersReadDifferently) {
  const std::string part = kPart;
  const Refusal cases[] = {
      {"Content-Type twice", Leaf("Content-Type: text/plain\nContent-Type: text/html\n", "x\n"), Code::kMalformed,
       "Content-Type is given twice"},
      {"encoding twice", Leaf("Content-Transfer-Encoding: 7bit\nContent-Transfer-Encoding: base64\n", "eA==\n"),
       Code::kMalformed, "given twice"},
      {"disposition twice", Leaf("Content-Disposition: inline\nContent-Disposition: attachment\n", "x\n"),
       Code::kMalformed, "given twice"},
      {"MIME-Version twice", "MIME-Version: 1.0\nMIME-Version: 2.0\n\nx\n", Code::kMalformed, "given twice"},
      {"From twice", "From: a@a.example\nFrom: b@b.example\n\nx\n", Code::kMalformed, "From is given twice"},
      {"Subject twice", "Subject: a\nsubject: b\n\nx\n", Code::kMalformed, "Subject is given twice"},
      {"To twice", "To: a@a.example\nTo: b@b.example\n\nx\n", Code::kMalformed, "To is given twice"},
      {"wrong MIME-Version", "MIME-Version: 2.0\n\nx\n", Code::kMalformed, "MIME-Version is not 1.0"},
      {"multipart without MIME-Version", "Content-Type: multipart/mixed; boundary=b\n\n" + part + "--b--\n",
       Code::kMalformed, "without MIME-Version"},
      {"base64 without MIME-Version", "Content-Transfer-Encoding: base64\n\neA==\n", Code::kMalformed,
       "without MIME-Version"},
      {"attachment without MIME-Version", "Content-Type: application/pdf\n\nx\n", Code::kMalformed,
       "without MIME-Version"},
      {"comment in the type", Multipart("multipart/mixed (x); boundary=b", part + "--b--\n"), Code::kMalformed,
       "comment"},
      {"comment behind a parameter", Multipart("multipart/mixed; boundary=\"b\" (x)", part + "--b--\n"),
       Code::kMalformed, "comment"},
      {"comment in a bare parameter", Multipart("multipart/mixed; boundary=b(x)", part + "--b--\n"), Code::kMalformed,
       "comment"},
      {"comment before a parameter", Multipart("multipart/mixed; (x) boundary=b", part + "--b--\n"), Code::kMalformed,
       "comment"},
      {"comment in the encoding", Leaf("Content-Transfer-Encoding: base64 (x)\n", "eA==\n"), Code::kMalformed,
       "comment"},
      {"boundary twice", Multipart("multipart/mixed; boundary=b; boundary=c", part + "--b--\n"), Code::kMalformed,
       "twice"},
      {"boundary in pieces", Multipart("multipart/mixed; boundary*0=b; boundary*1=c", part + "--b--\n"),
       Code::kMalformed, "splits or encodes"},
      {"boundary encoded", Multipart("multipart/mixed; boundary*=us-ascii''b", part + "--b--\n"), Code::kMalformed,
       "splits or encodes"},
      {"boundary with escapes", Multipart("multipart/mixed; boundary=\"\\b\"", part + "--b--\n"), Code::kMalformed,
       "escapes"},
      {"charset twice", Leaf("Content-Type: text/plain; charset=utf-8; charset=utf-7\n", "x\n"), Code::kMalformed,
       "twice"},
      {"no boundary", Multipart("multipart/mixed", "x\n"), Code::kMalformed, "lacks a boundary"},
      {"empty boundary", Multipart("multipart/mixed; boundary=\"\"", "x\n"), Code::kMalformed, "lacks a boundary"},
      {"boundary ends with a blank", Multipart("multipart/mixed; boundary=\"b \"", part + "--b--\n"), Code::kMalformed,
       "boundary"},
      {"boundary of 71", Multipart("multipart/mixed; boundary=" + std::string(71, 'b'), part), Code::kLimit,
       "boundary is too long"},
      {"open quote", Multipart("multipart/mixed; boundary=\"b", part + "--b--\n"), Code::kMalformed, "quote"},
      {"no semicolon", Leaf("Content-Type: text/plain charset=utf-8\n", "x\n"), Code::kMalformed, "can't be read"},
      {"blank before the equals sign", Multipart("multipart/mixed; boundary =b", part + "--b--\n"), Code::kMalformed,
       "blanks"},
      {"blank behind the equals sign", Multipart("multipart/mixed; boundary= b", part + "--b--\n"), Code::kMalformed,
       "blanks"},
      {"type without subtype", Leaf("Content-Type: text\n", "x\n"), Code::kMalformed, "Content-Type"},
      {"unknown encoding", Leaf("Content-Transfer-Encoding: x-uuencode\n", "x\n"), Code::kMalformed, "none of 7bit"},
      {"encoded multipart",
       Leaf("Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n", "LS1i\n"),
       Code::kMalformed, "encoded"},
      {"encoded message", Leaf("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n", "eA==\n"),
       Code::kMalformed, "encoded"},
      {"message/partial", Leaf("Content-Type: message/partial; id=1; number=1; total=2\n", "x\n"), Code::kMalformed,
       "message/partial"},
      {"message/external-body", Leaf("Content-Type: message/external-body; access-type=URL\n", "x\n"), Code::kMalformed,
       "message/external-body"},
      {"no close", Multipart("multipart/mixed; boundary=b", part), Code::kMalformed, "closing boundary is missing"},
      {"no part", Multipart("multipart/mixed; boundary=b", "--b--\n"), Code::kMalformed, "no parts"},
      {"boundary not there", Multipart("multipart/mixed; boundary=b", "x\n"), Code::kMalformed, "missing"},
      {"boundary behind the close", Multipart("multipart/mixed; boundary=b", part + "--b--\n" + part + "--b--\n"),
       Code::kMalformed, "behind the closing"},
      {"line that goes on", Multipart("multipart/mixed; boundary=b", part + "--bc\n--b--\n"), Code::kMalformed,
       "goes on"},
      {"blank behind the boundary", Multipart("multipart/mixed; boundary=b", part + "--b \n\ny\n--b--\n"),
       Code::kMalformed, "goes on"},
      {"two boundaries in a row", Multipart("multipart/mixed; boundary=b", "--b\n--b\n\nx\n--b--\n"), Code::kMalformed,
       "nothing between"},
      {"inner boundary begins like the outer",
       Multipart("multipart/mixed; boundary=b",
                 "--b\nContent-Type: multipart/mixed; boundary=ba\n\n--ba\n\nx\n--ba--\n--b--\n"),
       Code::kMalformed, "goes on"},
      {"outer boundary begins like the inner",
       Multipart("multipart/mixed; boundary=ba",
                 "--ba\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n--ba--\n"),
       Code::kMalformed, "begins like"},
      {"inner without close",
       Multipart("multipart/mixed; boundary=b", "--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\nx\n--b--\n"),
       Code::kMalformed, "part 1: its closing boundary is missing"},
      {"raw octets in a multipart's type",
       Multipart("multipart/mixed; x=\"\xE7\xA4\xBE\"; boundary=b", part + "--b--\n"), Code::kMalformed,
       "outside ASCII"},
      {"base64 junk", Leaf("Content-Transfer-Encoding: base64\n", "eA==\n-- \nfooter\n"), Code::kMalformed, "base64"},
      {"base64 goes on", Leaf("Content-Transfer-Encoding: base64\n", "eA==eA==\n"), Code::kMalformed,
       "behind the padding"},
      {"base64 without padding", Leaf("Content-Transfer-Encoding: base64\n", "eA\n"), Code::kMalformed,
       "ends in the middle"},
      {"quoted-printable junk", Leaf("Content-Transfer-Encoding: quoted-printable\n", "a=b\n"), Code::kMalformed,
       "quoted-printable"},
      {"quoted-printable half an octet", Leaf("Content-Transfer-Encoding: quoted-printable\n", "a=4\n"),
       Code::kMalformed, "quoted-printable"},
      {"uuencode", "Subject: x\n\nbegin 644 a.exe\n#86)C\n`\nend\n", Code::kMalformed, "uuencoded"},
      {"header line without colon", "Subject: x\nnonsense\n\nx\n", Code::kMalformed, "no colon"},
      {"blank before the colon", "Subject : x\n\nx\n", Code::kMalformed, "before its colon"},
      {"mbox line", "From a@b Tue Nov 24\nSubject: x\n\nx\n", Code::kMalformed, "no colon"},
      {"continuation first", " x\nSubject: x\n\nx\n", Code::kMalformed, "continuation"},
      {"line of blanks in the header", "Subject: x\n \nContent-Type: text/html\n\nx\n", Code::kMalformed,
       "nothing but blanks"},
      {"control in a field", "Subject: a\x01z\n\nx\n", Code::kMalformed, "control"},
      {"two addresses in one From", "From: a@a.example <b@b.example>\n\nx\n", Code::kMalformed, "different addresses"},
      {"two brackets in From", "From: <a@a.example> <b@b.example>\n\nx\n", Code::kMalformed, "different addresses"},
      {"encoded word in the address", "From: =?utf-8?q?a=40a?=@b.example\n\nx\n", Code::kMalformed,
       "different addresses"},
      {"signed with three parts",
       Multipart("multipart/signed; boundary=b; protocol=\"application/pkcs7-signature\"",
                 part + part + part + "--b--\n"),
       Code::kMalformed, "two parts"},
      {"empty embedded message",
       Multipart("multipart/mixed; boundary=b", "--b\nContent-Type: message/rfc822\n\n\n--b--\n"), Code::kMalformed,
       "empty"},
      {"name piece missing", Leaf("Content-Disposition: attachment; filename*0=a; filename*2=b\n", "x\n"),
       Code::kMalformed, "missing"},
      {"name piece twice", Leaf("Content-Disposition: attachment; filename*0=a; filename*0=b\n", "x\n"),
       Code::kMalformed, "twice"},
      {"embedded message with two types",
       Multipart("multipart/mixed; boundary=b",
                 "--b\nContent-Type: message/rfc822\n\nMIME-Version: 1.0\nContent-Type: text/plain\nContent-Type: "
                 "text/html\n\nx\n--b--\n"),
       Code::kMalformed, "Content-Type is given twice"},
  };
  for (const Refusal& c : cases) {
    const Result<MailModel> parsed = Parse(std::make_shared<const std::string>(Crlf(c.mail)));
    ASSERT_FALSE(parsed.ok()) << c.what;
    EXPECT_EQ(parsed.error().code, c.code) << c.what << ": " << parsed.error().detail;
    EXPECT_THAT(parsed.error().detail, HasSubstr(c.detail)) << c.what;
  }
}

TEST(ParseTest, RefusesLinesThatEndStrangely) {
  for (const std::string& raw : {std::string("Subject: x\r\n\r\na\nb\r\n"), std::string("Subject: x\r\n\r\na\rb\r\n"),
                                 std::string("Subject: x\n\nx\n"), std::string("Subject: x\r\n\r\na\0b\r\n", 19),
                                 std::string("Subject: x\r\n\r\na\r\r\nb\r\n"), std::string("Subject: x\r\n\r\nx\r")}) {
    const Result<MailModel> parsed = Parse(raw);
    ASSERT_FALSE(parsed.ok());
    EXPECT_EQ(parsed.error().code, Code::kMalformed);
  }
  EXPECT_TRUE(Parse(std::string_view("Subject: x\r\n\r\nno end")).ok());
  EXPECT_EQ(ParseOwned("Subject: x\r\n\r\n" + std::string(999, 'x') + "\r\n").error().code, Code::kLimit);
  EXPECT_TRUE(ParseOwned("Subject: x\r\n\r\n" + std::string(998, 'x') + "\r\n").ok());
}

struct Accepted {
  const char* what;
  std::string mail;
};

TEST(ParseTest, AcceptsWhatAllReadersTakeAlike) {
  const std::string part = kPart;
  const Accepted cases[] = {
      {"no header at all", "\nx\n"},
      {"no body", "Subject: x\n"},
      {"empty", ""},
      {"the same MIME-Version twice", "MIME-Version: 1.0\nMIME-Version: 1.0\n\nx\n"},
      {"Apple's MIME-Version", "MIME-Version: 1.0 (Mac OS X Mail 16.0 \\(3826.1\\))\nContent-Type: text/plain\n\nx\n"},
      {"old mailer: charset without MIME-Version", "Content-Type: text/plain; charset=ISO-2022-JP\n\nx\n"},
      {"semicolon at the end", Leaf("Content-Type: text/plain; charset=utf-8;\n", "x\n")},
      {"bare boundary that should be quoted",
       Multipart("multipart/mixed; boundary=----=_Part:1?", "------=_Part:1?\n\nx\n------=_Part:1?--\n")},
      {"preamble and epilogue", Multipart("multipart/mixed; boundary=b", "preamble\n" + part + "--b--\nepilogue\n")},
      {"close is the last line", Multipart("multipart/mixed; boundary=b", part + "--b--")},
      {"part without header", Multipart("multipart/mixed; boundary=b", "--b\n\nx\n--b--\n")},
      {"blanks in base64", Leaf("Content-Transfer-Encoding: base64\n", " eA = = \n\n")},
      {"soft break at the end", Leaf("Content-Transfer-Encoding: quoted-printable\n", "a=  \nb=")},
      {"lower-case hex", Leaf("Content-Transfer-Encoding: quoted-printable\n", "=e7=a4=be\n")},
      {"prose that begins with begin", "Subject: x\n\nbegin 644 words with this line\nand go on\n"},
      {"From with the same address shown", "From: a@a.example <A@a.example>\n\nx\n"},
      {"old From with a comment", "From: a@a.example (Yamada Hanako)\n\nx\n"},
      {"mobile carrier's address", "From: a..b.@docomo.example\n\nx\n"},
      {"bare name in To", "To: 各位\nFrom: a@a.example\n\nx\n"},
      {"undisclosed", "To: undisclosed-recipients:;\nFrom: a@a.example\n\nx\n"},
  };
  for (const Accepted& c : cases) {
    const Result<MailModel> parsed = Parse(std::make_shared<const std::string>(Crlf(c.mail)));
    EXPECT_TRUE(parsed.ok()) << c.what << ": " << parsed.error().detail;
  }
}

TEST(ParseTest, EveryLimitHasItsEdge) {
  const auto nested = [](size_t depth) {
    std::string mail = "x\n";
    for (size_t i = depth; i-- > 0;) {
      const std::string b = "boundary-" + std::to_string(i) + "-";
      mail = (i == 0 ? "MIME-Version: 1.0\n" : "") + std::string("Content-Type: multipart/mixed; boundary=\"") + b +
             "\"\n\n--" + b + "\n" + (i + 1 == depth ? "\n" : "") + mail + "\n--" + b + "--\n";
    }
    return Crlf(mail);
  };
  EXPECT_TRUE(ParseOwned(nested(32)).ok()) << ParseOwned(nested(32)).error().detail;
  EXPECT_EQ(ParseOwned(nested(33)).error().code, Code::kLimit);

  const auto parts = [](size_t count) {
    std::string mail = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n";
    for (size_t i = 0; i + 1 < count; ++i) mail += kPart;
    return Crlf(mail + "--b--\n");
  };
  EXPECT_TRUE(ParseOwned(parts(1000)).ok());
  EXPECT_EQ(ParseOwned(parts(1001)).error().code, Code::kLimit);

  const auto fields = [](size_t count) {
    std::string mail;
    for (size_t i = 0; i < count; ++i) mail += "X: y\r\n";
    return mail + "\r\nx\r\n";
  };
  EXPECT_TRUE(ParseOwned(fields(1000)).ok());
  EXPECT_EQ(ParseOwned(fields(1001)).error().code, Code::kLimit);

  const auto long_field = [](size_t octets) {
    std::string field = "X: y";
    while (field.size() + 2 < octets) field += field.size() % 80 > 76 && field.size() + 5 < octets ? "\r\n y" : "y";
    return field + "\r\n\r\nx\r\n";
  };
  EXPECT_TRUE(ParseOwned(long_field(32 << 10)).ok());
  EXPECT_EQ(ParseOwned(long_field((32 << 10) + 1)).error().code, Code::kLimit);

  const auto header = [](size_t octets) {
    std::string mail;
    while (mail.size() + 500 < octets) mail += "X: " + std::string(495, 'y') + "\r\n";
    mail += "X: " + std::string(octets - mail.size() - 5, 'y') + "\r\n";
    return mail + "\r\nx\r\n";
  };
  EXPECT_TRUE(ParseOwned(header(256 << 10)).ok());
  EXPECT_EQ(ParseOwned(header((256 << 10) + 1)).error().code, Code::kLimit);
  const std::string too_long = header((256 << 10) + 1);
  EXPECT_EQ(ParseHeader(too_long).error().code, Code::kLimit);

  Limits small;
  small.message_octets = 100;
  EXPECT_TRUE(ParseOwned("\r\n" + std::string(98, 'x'), small).ok());
  EXPECT_EQ(ParseOwned("\r\n" + std::string(99, 'x'), small).error().code, Code::kLimit);
  small.text_octets = 10;
  EXPECT_TRUE(ParseOwned("\r\n" + std::string(10, 'x'), small).ok());
  EXPECT_EQ(ParseOwned("\r\n" + std::string(11, 'x'), small).error().code, Code::kLimit);
  small.addresses = 2;
  EXPECT_TRUE(Parse(std::string_view("To: a@b.example, c@d.example\r\n"), small).ok());
  EXPECT_EQ(Parse(std::string_view("To: a@b.example, c@d.example, e@f.example\r\n"), small).error().code, Code::kLimit);
}

TEST(ParseTest, HeaderAloneReadsTheSame) {
  const std::string raw = Crlf(WithIso2022Jp(std::string(kMixed)));
  const Result<MailHeader> header = ParseHeader(raw);
  ASSERT_TRUE(header.ok());
  const Result<MailModel> mail = Parse(raw);
  EXPECT_EQ(header->subject, mail->subject);
  EXPECT_EQ(header->fields.size(), mail->fields.size());
  EXPECT_EQ(header->range.end, mail->range.end);
  EXPECT_EQ(raw.substr(header->range.end, 4), "\r\nTh");
  EXPECT_EQ(header->Find("SUBJECT")->name, "Subject");
  EXPECT_EQ(header->Find("X-None"), nullptr);
  EXPECT_FALSE(ParseHeader(std::string_view("From: a@a.example\r\nFrom: b@b.example\r\n\r\n")).ok());
}

}  // namespace
}  // namespace sekisho::mime
