#include "shared/mime/editor.h"

#include <gtest/gtest.h>

#include <string>

#include "shared/text/utf8.h"
#include "tests/unit/shared/mime/mails.h"

namespace sekisho::mime {
namespace {

constexpr std::string_view kMail =
    "Received: x\n y\nFrom: a@a.example\nbcc: secret@b.example\nTo: b@b.example,\n c@c.example\nX-odd:  keeps \t\n  "
    "its blanks \n"
    "BCC: other@b.example\nResent-Bcc: third@b.example\nCc: d@d.example\nSubject: =?utf-8?q?x?=\n\nbody\n.\n";

TEST(HeaderEditorTest, UntouchedIsUntouched) {
  for (const std::string& raw :
       {Crlf(kMail), Crlf("\nbody only\n"), Crlf("Subject: header only\n"), std::string("Subject: x\r\n\r\n")}) {
    Result<HeaderEditor> editor = HeaderEditor::Open(raw);
    ASSERT_TRUE(editor.ok()) << editor.error().detail;
    EXPECT_EQ(editor->Octets(), raw.find("\r\n\r\n") == std::string::npos && raw[0] != '\r' ? raw + "\r\n" : raw);
  }
}

TEST(HeaderEditorTest, StripsEveryBcc) {
  const std::string raw = Crlf(kMail);
  Result<HeaderEditor> editor = HeaderEditor::Open(raw);
  ASSERT_TRUE(editor.ok());
  StripBcc(*editor);
  EXPECT_EQ(editor->Octets(),
            Crlf("Received: x\n y\nFrom: a@a.example\nTo: b@b.example,\n c@c.example\nX-odd:  keeps \t\n  its blanks \n"
                 "Cc: d@d.example\nSubject: =?utf-8?q?x?=\n\nbody\n.\n"));
  EXPECT_EQ(editor->Octets().find("secret"), std::string::npos);
}

TEST(HeaderEditorTest, HidesRecipientsInTheirPlace) {
  const std::string raw = Crlf(kMail);
  Result<HeaderEditor> editor = HeaderEditor::Open(raw);
  ASSERT_TRUE(editor.ok());
  ASSERT_TRUE(HideRecipients(*editor).ok());
  const std::string edited = editor->Octets();
  const Result<MailHeader> header = ParseHeader(edited);
  ASSERT_TRUE(header.ok());
  EXPECT_TRUE(header->to.empty());
  EXPECT_TRUE(header->cc.empty());
  EXPECT_EQ(header->Find("To")->text, "undisclosed-recipients:;");
  EXPECT_EQ(header->fields[3].name, "To");
}

TEST(HeaderEditorTest, AddsAtTheEdges) {
  const std::string raw = Crlf("Subject: x\n\nbody\n");
  Result<HeaderEditor> editor = HeaderEditor::Open(raw);
  ASSERT_TRUE(editor.ok());
  ASSERT_TRUE(editor->Prepend("X-First", "1").ok());
  ASSERT_TRUE(editor->Prepend("Received", "from a").ok());
  ASSERT_TRUE(editor->PrependFields("DKIM-Signature: v=1;\r\n b=x\r\n").ok());
  ASSERT_TRUE(AddMissing(*editor, "<1@example.jp>", "Tue, 24 Nov 2026 01:02:03 +0000").ok());
  ASSERT_TRUE(AddMissing(*editor, "<2@example.jp>", "never").ok());
  EXPECT_EQ(editor->Octets(),
            Crlf("DKIM-Signature: v=1;\n b=x\nReceived: from a\nX-First: 1\nSubject: x\nMessage-ID: <1@example.jp>\n"
                 "Date: Tue, 24 Nov 2026 01:02:03 +0000\n\nbody\n"));
}

TEST(HeaderEditorTest, RefusesInjection) {
  const std::string raw = Crlf("Subject: x\n\nbody\n");
  Result<HeaderEditor> editor = HeaderEditor::Open(raw);
  ASSERT_TRUE(editor.ok());
  for (const std::string& value : {std::string("a\r\nBcc: x@y"), std::string("a\nb"), std::string("a\rb"),
                                   std::string("a\0b", 3), std::string("\xFF")}) {
    for (const Status& status :
         {editor->Prepend("X-Note", value), editor->Append("X-Note", value), editor->Replace("Subject", value)}) {
      ASSERT_FALSE(status.ok());
      EXPECT_EQ(status.error().code, Code::kInvalid);
    }
  }
  for (const char* name : {"", "X Note", "X:Note", "X\r\nY", "日本"})
    EXPECT_FALSE(editor->Append(name, "x").ok()) << name;
  for (const char* fields : {"", "X: y", "X: y\r\n\r\nbody\r\n", "\r\n", "nonsense\r\n", "X: y\nZ: w\r\n"}) {
    EXPECT_FALSE(editor->PrependFields(fields).ok()) << fields;
  }
  EXPECT_EQ(editor->Octets(), raw);
}

TEST(FormatFieldTest, FoldsAndEncodes) {
  EXPECT_EQ(*FormatField("Subject", "short"), "Subject: short\r\n");
  EXPECT_EQ(*FormatField("Subject", ""), "Subject: \r\n");
  EXPECT_EQ(*FormatField("Subject", "looks =?utf-8?q?encoded?="),
            "Subject: =?UTF-8?Q?looks_=3D=3Futf-8=3Fq=3Fencoded=3F=3D?=\r\n");
  std::string words;
  for (int i = 0; i < 100; ++i) words += "word" + std::to_string(i) + (i % 7 == 0 ? "   " : " ");
  for (const std::string& value :
       {words, std::string(5000, 'x'), std::string("見積書の件（") + words + "）",
        std::string(400, ' ') + "x" + std::string(200, ' ') + "y", std::string("請求書").append(words), [] {
          std::string s;
          for (int i = 0; i < 300; ++i) s += "漢字";
          return s;
        }()}) {
    const Result<std::string> field = FormatField("Subject", value);
    ASSERT_TRUE(field.ok());
    for (size_t at = 0; at < field->size();) {
      const size_t end = field->find("\r\n", at);
      EXPECT_LE(end - at, 998u);
      EXPECT_NE(field->substr(at, end - at).find_first_not_of(" \t"), std::string::npos) << "a line of blanks";
      at = end + 2;
    }
    EXPECT_TRUE(text::IsAscii(*field));
    const std::string mail = *field + "\r\n";
    const Result<MailHeader> header = ParseHeader(mail);
    ASSERT_TRUE(header.ok()) << header.error().detail;
    EXPECT_EQ(header->subject, value.substr(value.find_first_not_of(' '),
                                            value.find_last_not_of(' ') + 1 - value.find_first_not_of(' ')));
  }
}

}  // namespace
}  // namespace sekisho::mime
