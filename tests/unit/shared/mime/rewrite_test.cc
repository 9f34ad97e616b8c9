#include "shared/mime/rewrite.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "shared/text/utf8.h"
#include "tests/unit/shared/mime/mails.h"

namespace sekisho::mime {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Result<MailModel> ParseOwned(const std::string& text) { return Parse(std::make_shared<const std::string>(Crlf(text))); }

std::vector<std::string> Shape(const MailModel& mail) {
  std::vector<std::string> shape;
  for (const Part& part : mail.parts)
    shape.push_back(std::string(part.depth, ' ') + part.place + " " + part.MediaType());
  return shape;
}

const NewAttachment kZip = {"attachments.zip", "application/zip", std::string("PK\x05\x06") + std::string(18, '\0'),
                            false, ""};

constexpr std::string_view kMixed = R"(From: a@a.example
Subject: x
X-Odd:   kept   as it is
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

preamble
--b
Content-Type: text/plain; charset=us-ascii

the  body

--b
Content-Type: application/pdf; name=a.pdf
Content-Transfer-Encoding: base64

JVBERg==
--b
Content-Type: message/rfc822

Subject: inner

inner
--b--
epilogue
)";

TEST(ReplaceAttachmentsTest, KeepsEverythingElse) {
  const Result<MailModel> mail = ParseOwned(std::string(kMixed));
  ASSERT_TRUE(mail.ok()) << mail.error().detail;
  EXPECT_EQ(Attachments(*mail), (std::vector<size_t>{2, 3}));
  const Result<std::string> replaced = ReplaceAttachments(*mail, kZip);
  ASSERT_TRUE(replaced.ok()) << replaced.error().detail;
  EXPECT_EQ(replaced->substr(0, replaced->find("Content-Type: application/zip")),
            Crlf("From: a@a.example\nSubject: x\nX-Odd:   kept   as it is\nMIME-Version: 1.0\nContent-Type: "
                 "multipart/mixed; boundary=b\n\n"
                 "preamble\n--b\nContent-Type: text/plain; charset=us-ascii\n\nthe  body\n\n--b\n"));
  EXPECT_TRUE(replaced->ends_with("\r\n--b--\r\nepilogue\r\n"));
  const Result<MailModel> again = Parse(*replaced);
  EXPECT_EQ(Shape(*again), (std::vector<std::string>{"the mail multipart/mixed", " body text/plain",
                                                     " attachment 1 application/zip"}));
  EXPECT_EQ(*DecodeContent(*again, again->parts[2]), kZip.content);
  EXPECT_THAT(*replaced, Not(HasSubstr("JVBERg")));
}

TEST(ReplaceAttachmentsTest, WrapsWhatIsntMixed) {
  const Result<MailModel> lone = ParseOwned(
      "Subject: x\nMIME-Version: 1.0\nContent-Type: application/pdf\nContent-Disposition: attachment; "
      "filename=a.pdf\n\n%PDF\n");
  ASSERT_TRUE(lone.ok());
  const Result<std::string> replaced = ReplaceAttachments(*lone, kZip);
  ASSERT_TRUE(replaced.ok()) << replaced.error().detail;
  EXPECT_THAT(*replaced, Not(HasSubstr("a.pdf")));
  EXPECT_EQ(Shape(*Parse(*replaced)),
            (std::vector<std::string>{"the mail multipart/mixed", " attachment 1 application/zip"}));

  const Result<MailModel> related = ParseOwned(R"(Subject: x
MIME-Version: 1.0
Content-Type: multipart/related; boundary=r

--r
Content-Type: multipart/alternative; boundary=a

--a

text
--a
Content-Type: text/html

<img src="cid:i@x">
--a--
--r
Content-Type: image/png
Content-ID: <i@x>
Content-Transfer-Encoding: base64

iVBORw0KGgo=
--r
Content-Type: application/pdf; name=a.pdf

%PDF
--r--
)");
  ASSERT_TRUE(related.ok()) << related.error().detail;
  const Result<std::string> wrapped = ReplaceAttachments(*related, kZip);
  ASSERT_TRUE(wrapped.ok()) << wrapped.error().detail;
  EXPECT_EQ(Shape(*Parse(*wrapped)), (std::vector<std::string>{"the mail multipart/mixed", " part 1 multipart/related",
                                                               "  part 1.1 multipart/alternative", "   body text/plain",
                                                               "   HTML body text/html", "  inline image 1 image/png",
                                                               " attachment 1 application/zip"}));
}

TEST(ReplaceAttachmentsTest, LeavesReceiptsAloneButNotFilesThatPlayOne) {
  const auto report = [](const std::string& fields) {
    return ParseOwned(
        "MIME-Version: 1.0\nContent-Type: multipart/report; report-type=disposition-notification; "
        "boundary=b\n\n--b\n\nread\n--b\n"
        "Content-Type: message/disposition-notification\n\n" +
        fields + "\n--b\nContent-Type: text/rfc822-headers\n\nSubject: x\n--b--\n");
  };
  const Result<MailModel> receipt = report("Disposition: manual-action/MDN-sent-manually; displayed");
  ASSERT_TRUE(receipt.ok()) << receipt.error().detail;
  EXPECT_TRUE(Attachments(*receipt).empty());
  EXPECT_EQ(Attachments(*report("%PDF-1.4")), std::vector<size_t>{2});
  std::string long_text;
  for (int i = 0; i < 2000; ++i) long_text += "a line of a rather long list of customers\n";
  EXPECT_EQ(Attachments(*report(long_text)), std::vector<size_t>{2});
}

TEST(ReplaceAttachmentsTest, RefusesSealedMail) {
  const std::string signed_entity =
      R"(Content-Type: multipart/signed; boundary=s; protocol="application/pkcs7-signature"; micalg=sha-256

--s
Content-Type: application/pdf; name=a.pdf

%PDF
--s
Content-Type: application/pkcs7-signature; name=smime.p7s
Content-Transfer-Encoding: base64

MAA=
--s--
)";
  const Result<MailModel> whole = ParseOwned("MIME-Version: 1.0\n" + signed_entity);
  ASSERT_TRUE(whole.ok()) << whole.error().detail;
  EXPECT_EQ(whole->smime, SmimeKind::kClearSigned);
  EXPECT_EQ(ReplaceAttachments(*whole, kZip).error().code, Code::kPrecondition);
  const Result<MailModel> nested =
      ParseOwned("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n" + signed_entity + "\n--b--\n");
  ASSERT_TRUE(nested.ok()) << nested.error().detail;
  EXPECT_EQ(ReplaceAttachments(*nested, kZip).error().code, Code::kPrecondition);
  const Result<MailModel> none = ParseOwned("Subject: x\n\nbody\n");
  EXPECT_EQ(ReplaceAttachments(*none, kZip).error().code, Code::kPrecondition);
}

TEST(ParseToRewriteTest, ReadsTheSameTreeWithoutItsText) {
  const std::string pgp = Crlf("Subject: x\n\n-----BEGIN PGP MESSAGE-----\n\nx\n-----END PGP MESSAGE-----\n");
  for (const std::string& raw : {Crlf(std::string(kMixed)), pgp}) {
    const Result<MailModel> scanned = Parse(raw), rewritten = ParseToRewrite(raw);
    ASSERT_TRUE(scanned.ok() && rewritten.ok());
    EXPECT_EQ(Shape(*rewritten), Shape(*scanned));
    EXPECT_EQ(rewritten->IsSealedBySender(), scanned->IsSealedBySender());
    EXPECT_EQ(Attachments(*rewritten), Attachments(*scanned));
    EXPECT_TRUE(std::all_of(rewritten->parts.begin(), rewritten->parts.end(),
                            [](const Part& part) { return part.text.text.empty(); }));
  }
  for (const std::string& raw : {Crlf("Content-Type: text/plain\nContent-Type: text/html\n\nx\n"),
                                 Crlf("MIME-Version: 1.0\nContent-Transfer-Encoding: base64\n\n!\n")}) {
    EXPECT_EQ(ParseToRewrite(raw).error().code, Code::kMalformed);
  }
}

TEST(SplitForSealingTest, Splits) {
  const Result<MailModel> mail = ParseOwned(std::string(kMixed));
  ASSERT_TRUE(mail.ok());
  const Result<SplitMail> split = SplitForSealing(*mail);
  ASSERT_TRUE(split.ok()) << split.error().detail;
  EXPECT_EQ(split->outer(), Crlf("From: a@a.example\nSubject: x\nX-Odd:   kept   as it is\nMIME-Version: 1.0\n"));
  EXPECT_EQ(split->entity(), Crlf(kMixed.substr(kMixed.find("Content-Type"))));
}

TEST(SplitForSealingTest, LabelsOldMail) {
  const Result<MailModel> mail = ParseOwned("Subject: x\n\n\x1B$B<R30Hk\x1B(B\n");
  ASSERT_TRUE(mail.ok());
  const Result<SplitMail> split = SplitForSealing(*mail);
  ASSERT_TRUE(split.ok()) << split.error().detail;
  EXPECT_EQ(split->entity(), Crlf("Content-Type: text/plain; charset=ISO-2022-JP\n\n\x1B$B<R30Hk\x1B(B\n"));
}

TEST(ToSevenBitTest, EncodesWhatNeedsIt) {
  const std::string text = R"(From: "山田" <a@a.example>
Subject: 見積
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b
Content-Transfer-Encoding: 8bit

--b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

社外秘 = secret.
--b
Content-Type: text/plain; charset=us-ascii
Content-Transfer-Encoding: 7bit

untouched = as it is
--b
Content-Type: application/octet-stream; name="見積.bin"
Content-Disposition: attachment; filename="見積.bin"; size=6
Content-Transfer-Encoding: binary

社外
--b
Content-Type: message/rfc822
Content-Transfer-Encoding: 8bit

Subject: inner

内側の文
--b--
)";
  const Result<MailModel> mail = ParseOwned(text);
  ASSERT_TRUE(mail.ok()) << mail.error().detail;
  const Result<std::string> seven = ToSevenBit(*mail);
  ASSERT_TRUE(seven.ok()) << seven.error().detail;
  EXPECT_TRUE(text::IsAscii(*seven));
  EXPECT_THAT(*seven, HasSubstr("\r\nuntouched = as it is\r\n--b\r\n"));
  const Result<MailModel> again = Parse(*seven);
  ASSERT_TRUE(again.ok()) << again.error().detail;
  EXPECT_EQ(Shape(*again), Shape(*mail));
  EXPECT_EQ(again->subject, "見積");
  EXPECT_EQ(again->from[0].display_name, "山田");
  EXPECT_EQ(again->from[0].AddrSpec(), "a@a.example");
  for (size_t i = 1; i < mail->parts.size(); ++i) {
    EXPECT_EQ(again->parts[i].file_name, mail->parts[i].file_name);
    if (mail->parts[i].role == Role::kMessage) continue;
    EXPECT_EQ(*DecodeContent(*again, again->parts[i]), *DecodeContent(*mail, mail->parts[i])) << mail->parts[i].place;
    EXPECT_TRUE(again->parts[i].encoding != TransferEncoding::k8Bit &&
                again->parts[i].encoding != TransferEncoding::kBinary);
  }
}

TEST(ToSevenBitTest, LeavesSevenBitMailAlone) {
  const std::string raw = Crlf(std::string(kMixed));
  const Result<MailModel> mail = Parse(raw);
  EXPECT_EQ(*ToSevenBit(*mail), raw);
}

TEST(ToSevenBitTest, RefusesWhatCantBeHelped) {
  const Result<MailModel> eai = ParseOwned("From: 花子@example.jp\nTo: 社@example.jp\n\nx\n");
  ASSERT_TRUE(eai.ok()) << eai.error().detail;
  EXPECT_EQ(ToSevenBit(*eai).error().code, Code::kPrecondition);
  const Result<MailModel> signed_mail = ParseOwned(R"(MIME-Version: 1.0
Content-Type: multipart/signed; boundary=s; protocol="application/pgp-signature"

--s
Content-Type: text/plain; charset=utf-8

社外
--s
Content-Type: application/pgp-signature

x
--s--
)");
  ASSERT_TRUE(signed_mail.ok());
  EXPECT_EQ(signed_mail->pgp, PgpKind::kSigned);
  EXPECT_EQ(ToSevenBit(*signed_mail).error().code, Code::kPrecondition);
  EXPECT_EQ(SplitForSealing(*signed_mail).error().code, Code::kPrecondition);
}

}  // namespace
}  // namespace sekisho::mime
