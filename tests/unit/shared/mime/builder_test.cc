#include "shared/mime/builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "shared/mime/model.h"
#include "shared/text/utf8.h"
#include "tests/unit/shared/mime/mails.h"

namespace sekisho::mime {
namespace {

using ::testing::HasSubstr;

NewMail Plain() {
  NewMail mail;
  mail.from = {"関所", "sekisho@example.jp"};
  mail.to = {{"山田 花子", "hanako@example.jp"}};
  mail.subject = "承認のお願い：見積書の件";
  mail.date = FromMicros(1795482123000000);
  mail.message_id = "<1@example.jp>";
  mail.text = "山田様\n承認をお願いします。\n";
  return mail;
}

void ExpectCleanLines(const std::string& octets) {
  EXPECT_TRUE(text::IsAscii(octets));
  for (size_t at = 0; at < octets.size();) {
    const size_t end = octets.find("\r\n", at);
    ASSERT_NE(end, std::string::npos) << "the last line has its end";
    EXPECT_LE(end - at, 998u);
    EXPECT_EQ(octets.substr(at, end - at).find_first_of(std::string("\r\n\0", 3)), std::string::npos);
    at = end + 2;
  }
}

TEST(BuilderTest, BuildsANoticeThatParsesBack) {
  const Result<std::string> built = BuildMail(Plain());
  ASSERT_TRUE(built.ok()) << built.error().detail;
  ExpectCleanLines(*built);
  EXPECT_EQ(*built, *BuildMail(Plain())) << "deterministic";
  const Result<MailModel> mail = Parse(*built);
  ASSERT_TRUE(mail.ok()) << mail.error().detail;
  EXPECT_EQ(mail->subject, Plain().subject);
  EXPECT_EQ(mail->from[0].display_name, "関所");
  EXPECT_EQ(mail->to[0].display_name, "山田 花子");
  EXPECT_EQ(mail->message_id, "<1@example.jp>");
  EXPECT_EQ(mail->Find("Date")->text, FormatRfc5322(Plain().date));
  EXPECT_EQ(*ReadableText(*mail, mail->parts[0]), Plain().text);
}

TEST(BuilderTest, BuildsEveryShape) {
  NewMail mail = Plain();
  mail.cc = {{"", "a@a.example"}, {"A, \"B\" \\ C", "b@b.example"}};
  mail.reply_to = {{"", "reply@example.jp"}};
  mail.sender = Mailbox{"", "daemon@example.jp"};
  mail.fields = {{"Auto-Submitted", "auto-generated"}, {"X-Note", "日本語の値"}};
  mail.html = "<p>承認<img src=\"cid:logo@example.jp\"></p>";
  mail.attachments.push_back({"logo.png", "image/png", "\x89PNG\r\n\x1A\nxxxx", true, "logo@example.jp"});
  mail.attachments.push_back({"見積書（最終版）ー二〇二六年十一月二十四日 株式会社例示商事御中 改訂第三版.pdf",
                              "application/pdf", "%PDF-1.4\n", false, ""});
  mail.attachments.push_back(
      {"plain \"quoted\" name.bin", "application/octet-stream", std::string(5000, '\0'), false, ""});
  mail.attachments.push_back({"", "message/rfc822", "Subject: inner\r\n\r\ninner text\r\n", false, ""});
  const Result<std::string> built = BuildMail(mail);
  ASSERT_TRUE(built.ok()) << built.error().detail;
  ExpectCleanLines(*built);
  const Result<MailModel> parsed = Parse(*built);
  ASSERT_TRUE(parsed.ok()) << parsed.error().detail;
  std::vector<std::string> shape;
  for (const Part& part : parsed->parts)
    shape.push_back(std::string(part.depth, ' ') + part.place + " " + part.MediaType());
  EXPECT_EQ(shape, (std::vector<std::string>{"the mail multipart/mixed", " part 1 multipart/alternative",
                                             "  body text/plain", "  part 1.2 multipart/related",
                                             "   HTML body text/html", "   inline image 1 image/png",
                                             " attachment 1 application/pdf", " attachment 2 application/octet-stream",
                                             " attachment 3 message/rfc822", "  attachment 3 > body text/plain"}));
  EXPECT_EQ(parsed->cc[1].display_name, "A, \"B\" \\ C");
  EXPECT_EQ(parsed->Find("X-Note")->text, "日本語の値");
  EXPECT_EQ(parsed->sender[0].AddrSpec(), "daemon@example.jp");
  const Part& pdf = parsed->parts[6];
  EXPECT_EQ(pdf.file_name, mail.attachments[1].file_name);
  EXPECT_TRUE(pdf.other_names.empty()) << "both ways of writing the name say the same";
  EXPECT_EQ(parsed->parts[7].file_name, mail.attachments[2].file_name);
  EXPECT_EQ(*DecodeContent(*parsed, parsed->parts[7]), mail.attachments[2].content);
}

TEST(BuilderTest, BuildsADsn) {
  NewMail mail = Plain();
  mail.report = NewReport{"delivery-status",
                          "Reporting-MTA: dns; example.jp\r\n\r\nFinal-Recipient: rfc822; x@y.example\r\nAction: "
                          "failed\r\nStatus: 5.1.1\r\n",
                          "Subject: \x1B$B<R\x1B(B\r\nX: \xE7\xA4\xBE\r\n", true};
  Result<std::string> built = BuildMail(mail);
  ASSERT_TRUE(built.ok()) << built.error().detail;
  ExpectCleanLines(*built);
  Result<MailModel> parsed = Parse(*built);
  ASSERT_TRUE(parsed.ok()) << parsed.error().detail;
  ASSERT_EQ(parsed->parts.size(), 4u);
  EXPECT_EQ(parsed->parts[0].FindParameter("report-type"), "delivery-status");
  EXPECT_EQ(parsed->parts[2].MediaType(), "message/delivery-status");
  EXPECT_EQ(*DecodeContent(*parsed, parsed->parts[2]), mail.report->fields);
  EXPECT_EQ(parsed->parts[3].MediaType(), "text/rfc822-headers");
  EXPECT_EQ(*DecodeContent(*parsed, parsed->parts[3]), mail.report->returned);

  mail.report->returned = "Subject: x\r\n\r\n\xE7\xA4\xBE\r\n";
  mail.report->returned_headers_only = false;
  built = BuildMail(mail);
  ASSERT_TRUE(built.ok());
  parsed = Parse(*built);
  ASSERT_TRUE(parsed.ok()) << parsed.error().detail;
  EXPECT_EQ(parsed->parts[3].role, Role::kMessage);
  EXPECT_EQ(parsed->parts[0].encoding, TransferEncoding::k8Bit);
  mail.html = "x";
  EXPECT_FALSE(BuildMail(mail).ok());
}

TEST(BuilderTest, AttachesAMailThatHasOurOwnBoundary) {
  NewMail inner = Plain();
  inner.html = "x";
  NewMail outer = Plain();
  outer.attachments.push_back({"", "message/rfc822", *BuildMail(inner), false, ""});
  outer.html = "x";
  const Result<MailModel> parsed = Parse(std::make_shared<const std::string>(*BuildMail(outer)));
  ASSERT_TRUE(parsed.ok()) << parsed.error().detail;
}

TEST(BuilderTest, RefusesInjectionEverywhere) {
  using Change = void (*)(NewMail&, const std::string&);
  struct Place {
    const char* what;
    Change change;
  };
  const Place places[] = {
      {"subject", [](NewMail& m, const std::string& v) { m.subject = v; }},
      {"from name", [](NewMail& m, const std::string& v) { m.from.display_name = v; }},
      {"from address", [](NewMail& m, const std::string& v) { m.from.address = "a@b.example" + v; }},
      {"to name", [](NewMail& m, const std::string& v) { m.to[0].display_name = v; }},
      {"to local part", [](NewMail& m, const std::string& v) { m.to[0].address = "\"a" + v + "\"@b.example"; }},
      {"message id", [](NewMail& m, const std::string& v) { m.message_id = "<a" + v + "@b>"; }},
      {"field value",
       [](NewMail& m, const std::string& v) {
         m.fields = {{"X-A", v}};
       }},
      {"field name",
       [](NewMail& m, const std::string& v) {
         m.fields = {{"X-A" + v, "b"}};
       }},
      {"file name",
       [](NewMail& m, const std::string& v) {
         m.attachments = {{"a" + v + ".pdf", "application/pdf", "x", false, ""}};
       }},
      {"media type",
       [](NewMail& m, const std::string& v) {
         m.attachments = {{"a.pdf", "application/pdf" + v, "x", false, ""}};
       }},
      {"content id",
       [](NewMail& m, const std::string& v) {
         m.attachments = {{"a.png", "image/png", "x", true, "a" + v}};
       }},
      {"report type",
       [](NewMail& m, const std::string& v) {
         m.report = NewReport{"delivery-status" + v, "A: b\r\n", "", true};
       }},
  };
  for (const std::string& value :
       {std::string("\r\nBcc: victim@example.com"), std::string("\nx"), std::string("\rx"), std::string("\0x", 2)}) {
    for (const Place& place : places) {
      NewMail mail = Plain();
      place.change(mail, value);
      const Result<std::string> built = BuildMail(mail);
      ASSERT_FALSE(built.ok()) << place.what;
      EXPECT_EQ(built.error().code, Code::kInvalid) << place.what;
    }
  }
}

TEST(BuilderTest, RefusesWhatItsMembersSay) {
  for (const char* name : {"From", "bcc", "Content-Type", "MIME-Version", "subject"}) {
    NewMail mail = Plain();
    mail.fields = {{name, "x"}};
    EXPECT_FALSE(BuildMail(mail).ok()) << name;
  }
  NewMail mail = Plain();
  mail.text = "\xFF";
  EXPECT_FALSE(BuildMail(mail).ok());
  mail = Plain();
  mail.attachments = {{"a", "multipart/mixed", "x", false, ""}};
  EXPECT_FALSE(BuildMail(mail).ok());
  mail.attachments = {{"a", "message/rfc822", "Subject: x\n\nbare\n", false, ""}};
  EXPECT_FALSE(BuildMail(mail).ok());
  EXPECT_FALSE(FormatMailbox({"", "no address"}).ok());
  EXPECT_FALSE(FormatMailbox({"", "a@b, c@d"}).ok());
}

TEST(BuilderTest, ChoosesReadableEncodings) {
  NewMail mail = Plain();
  mail.text = "plain ASCII\r\nFrom here on\n.\n";
  EXPECT_THAT(*BuildMail(mail),
              HasSubstr("Content-Transfer-Encoding: 7bit\r\n\r\nplain ASCII\r\nFrom here on\r\n.\r\n"));
  mail.text = "mostly ASCII, one “quote” in a longer line of text\n";
  EXPECT_THAT(*BuildMail(mail), HasSubstr("quoted-printable"));
  mail.text = std::string(2000, 'x') + "\n";
  ExpectCleanLines(*BuildMail(mail));
  mail.text = "";
  EXPECT_TRUE(Parse(std::make_shared<const std::string>(*BuildMail(mail))).ok());
}

TEST(BuilderTest, HidesRecipientsWhenThereAreNone) {
  NewMail mail = Plain();
  mail.to.clear();
  EXPECT_THAT(*BuildMail(mail), HasSubstr("To: undisclosed-recipients:;\r\n"));
}

}  // namespace
}  // namespace sekisho::mime
