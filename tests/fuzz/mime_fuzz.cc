// Any octets as a mail: no crash, and what Parse accepts keeps its promises to the modules that rely on them.
#include <cstdint>
#include <string>
#include <string_view>

#include "shared/mime/editor.h"
#include "shared/mime/model.h"
#include "shared/mime/rewrite.h"
#include "shared/text/utf8.h"

namespace {

using namespace sekisho;

void CheckPart(const mime::MailModel& mail, size_t index) {
  const mime::Part& part = mail.parts[index];
  const mime::Part& parent = mail.parts[part.parent];
  SEKISHO_CHECK(part.header.begin <= part.header.end && part.header.end <= part.body.begin &&
                part.body.begin <= part.body.end);
  SEKISHO_CHECK(part.body.end <= mail.raw.size());
  if (index > 0) {
    SEKISHO_CHECK(part.parent < index && part.depth == parent.depth + 1);
    SEKISHO_CHECK(parent.body.begin <= part.header.begin && part.body.end <= parent.body.end);
  }
  SEKISHO_CHECK(text::IsValidUtf8(part.text.text) && text::IsValidUtf8(part.file_name));
  SEKISHO_CHECK(!part.place.empty());
  if (part.role == mime::Role::kMultipart || part.role == mime::Role::kMessage) return;
  const Result<std::string> content = mime::DecodeContent(mail, part);
  SEKISHO_CHECK(content.ok() && content->size() == part.decoded_size);
  static_cast<void>(mime::ReadableText(mail, part));
}

void CheckMail(std::string_view raw) {
  const Result<mime::MailModel> mail = mime::Parse(raw);
  if (!mail.ok()) {
    SEKISHO_CHECK(mail.error().code == Code::kMalformed || mail.error().code == Code::kLimit);
    SEKISHO_CHECK(!mail.error().detail.empty());
    return;
  }
  SEKISHO_CHECK(!mail->parts.empty());
  for (size_t i = 0; i < mail->parts.size(); ++i) CheckPart(*mail, i);
  for (const mime::HeaderField& field : mail->fields) SEKISHO_CHECK(text::IsValidUtf8(field.text));

  const Result<mime::MailHeader> header = mime::ParseHeader(raw);
  SEKISHO_CHECK(header.ok() && header->fields.size() == mail->fields.size() && header->subject == mail->subject);
  const Result<mime::HeaderEditor> editor = mime::HeaderEditor::Open(raw);
  SEKISHO_CHECK(editor.ok() && editor->Octets().starts_with(raw.substr(0, mail->range.end)) &&
                editor->Octets().ends_with(editor->Body()));

  // Rewriting refuses or gives a mail that Parse accepts (it looks itself).
  static_cast<void>(mime::ReplaceAttachments(*mail, {"a.zip", "application/zip", "PK", false, ""}));
  static_cast<void>(mime::SplitForSealing(*mail));
  const Result<std::string> seven_bit = mime::ToSevenBit(*mail);
  SEKISHO_CHECK(!seven_bit.ok() || text::IsAscii(*seven_bit));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* octets, size_t size) {
  const std::string input(reinterpret_cast<const char*>(octets), size);
  CheckMail(input);
  // The line check refuses most of what a fuzzer makes; with proper lines it gets further.
  std::string lines;
  for (const char c : input) {
    if (c == '\r' || c == '\0') continue;
    if (c == '\n') lines += '\r';
    lines += c;
  }
  if (lines != input) CheckMail(lines);
  return 0;
}
