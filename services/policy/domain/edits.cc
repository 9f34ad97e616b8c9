#include "services/policy/domain/edits.h"

#include <algorithm>

#include "shared/base/bytes.h"
#include "shared/mime/editor.h"

namespace sekisho::policy {
namespace {

bool IsBccLine(std::string_view line) {
  for (std::string_view name : {"bcc", "resent-bcc"}) {
    if (line.size() <= name.size() || !AsciiEqualsIgnoreCase(line.substr(0, name.size()), name)) continue;
    if (AsciiTrim(line.substr(name.size())).starts_with(':')) return true;
  }
  return false;
}

}  // namespace

Result<std::optional<EditedMail>> EditMail(std::string_view raw, const mime::MailHeader& mail, const HeaderEdits& edits,
                                           const mime::Limits& limits) {
  const bool has_bcc = mail.Find("Bcc") != nullptr || mail.Find("Resent-Bcc") != nullptr;
  const bool complete = !mail.message_id.empty() && mail.has_date;
  if (!has_bcc && complete && !edits.hide_recipients) return std::optional<EditedMail>();
  SEKISHO_TRY(mime::HeaderEditor editor, mime::HeaderEditor::Open(raw, limits));
  mime::StripBcc(editor);
  if (edits.hide_recipients) SEKISHO_RETURN_IF_ERROR(mime::HideRecipients(editor));
  SEKISHO_RETURN_IF_ERROR(mime::AddMissing(editor, edits.message_id, edits.date));
  return std::optional<EditedMail>({editor.Header(), editor.Body()});
}

std::optional<EditedMail> StripBccLines(std::string_view raw) {
  EditedMail edited;
  bool in_bcc = false, found = false;
  size_t at = 0;
  while (at < raw.size()) {
    const size_t end = std::min(raw.find('\n', at), raw.size() - 1) + 1;
    const std::string_view line = raw.substr(at, end - at);
    if (line == "\r\n" || line == "\n") break;  // a line of blanks doesn't end the header for every reader
    const bool continues = line.front() == ' ' || line.front() == '\t';
    in_bcc = continues ? in_bcc : IsBccLine(line);
    found |= in_bcc;
    if (!in_bcc) edited.header += line;
    at = end;
  }
  if (!found) return std::nullopt;
  edited.body = raw.substr(at);
  return edited;
}

}  // namespace sekisho::policy
