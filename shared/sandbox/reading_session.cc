#include "shared/sandbox/reading_session.h"

#include <signal.h>
#include <sys/wait.h>

#include <cstring>
#include <optional>

#include "shared/text/charset.h"
#include "shared/text/html.h"

namespace sekisho::sandbox {
namespace {

Error Nonsense() {
  return MakeError(Code::kMalformed, "the process that reads attachments gave an answer that makes no sense");
}

// Takes a fixed part from the front of a payload.
template <typename T>
Result<T> Take(std::string_view& payload) {
  if (payload.size() < sizeof(T)) return Nonsense();
  T value;
  std::memcpy(&value, payload.data(), sizeof value);
  payload.remove_prefix(sizeof value);
  return value;
}

std::string DecodeName(std::string_view octets) { return text::Decode(text::Detect(octets), octets).utf8; }

std::string DecodeText(TextForm form, std::string_view octets) {
  // Decoded too: that it is UTF-8 is only what a worker says.
  if (form == TextForm::kUtf8) return text::Decode({text::Charset::Kind::kUtf8, {}}, octets).utf8;
  const bool html = form == TextForm::kHtml;
  const std::string claimed = html ? text::MetaCharset(octets) : "";
  std::string decoded;
  for (const std::string& reading : text::ReadAll(octets, claimed).texts) {
    if (!decoded.empty()) decoded += '\n';
    if (!html) {
      decoded += reading;
      continue;
    }
    const text::HtmlText visible = text::ReadHtml(reading);
    decoded += visible.text;
    for (const std::string& link : visible.links) decoded += '\n' + link;
  }
  return decoded;
}

// Why a worker ended without its last record.
Error ExplainEnd(int status) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == kExitOutOfMemory) {
    return MakeError(Code::kLimit, "reading an attachment takes more memory than allowed");
  }
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU) {
    return MakeError(Code::kLimit, "reading an attachment takes longer than allowed");
  }
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) {
    return MakeError(Code::kMalformed, "an attachment made its reader do what it may not");
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == kExitNotConfined) {
    return MakeError(Code::kUnavailable, "this system doesn't let the sandbox confine its workers");
  }
  return MakeError(Code::kMalformed, "an attachment crashed its reader");
}

}  // namespace

Request ReadingSession::NewRequest(Task task, uint64_t size, uint32_t name_size) const {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(limits_.time).count();
  Request request{};
  request.task = task;
  request.depth = limits_.depth;
  request.size = size;
  request.entries = limits_.entries;
  request.octets = limits_.octets;
  request.ratio = limits_.ratio;
  request.text_octets = limits_.text_octets;
  request.memory = memory_;
  request.documents = limits_.documents;
  request.cpu_seconds = static_cast<uint32_t>(seconds);
  request.name_size = name_size;
  return request;
}

Result<Inspection> ReadingSession::Run(std::string_view octets) {
  SEKISHO_TRY(const FileDescriptor content, InMemory(octets));
  SEKISHO_TRY(WorkerProcess worker, new_worker_());
  const std::string_view name = std::string_view(name_).substr(0, kMaxNameOctets);
  SEKISHO_RETURN_IF_ERROR(
      worker.Ask(NewRequest(Task::kInspect, octets.size(), static_cast<uint32_t>(name.size())), content, name));
  for (;;) {
    auto more = TakeRecord(worker);
    if (more.ok() && *more) continue;
    if (more.ok()) break;
    if (worker.closed()) return ExplainEnd(worker.WaitForEnd(deadline_));
    if (more.error().code == Code::kTimeout) return MakeError(Code::kLimit, more.error().detail);
    return std::move(more).error();
  }
  return std::move(inspection_);
}

Result<bool> ReadingSession::TakeRecord(WorkerProcess& worker) {
  SEKISHO_TRY(const std::string head, worker.Read(sizeof(RecordHeader), deadline_));
  std::string_view octets = head;
  SEKISHO_TRY(const RecordHeader header, Take<RecordHeader>(octets));
  if (header.size > kMaxPayload) return Nonsense();
  SEKISHO_TRY(const std::string payload, worker.Read(header.size, deadline_));
  switch (header.record) {
    case Record::kEntry:
      SEKISHO_RETURN_IF_ERROR(TakeEntry(payload));
      return true;
    case Record::kReading:
      SEKISHO_RETURN_IF_ERROR(TakeReading(payload));
      return true;
    case Record::kText:
      SEKISHO_RETURN_IF_ERROR(TakeText(payload));
      return true;
    case Record::kDocument:
      SEKISHO_RETURN_IF_ERROR(TakeDocument(payload));
      return true;
    case Record::kLimit:
      return MakeError(Code::kLimit, text::Decode(text::Charset{}, payload.substr(0, 200)).utf8);
    case Record::kDone:
      return false;
  }
  return Nonsense();
}

Status ReadingSession::TakeEntry(std::string_view payload) {
  SEKISHO_TRY(const EntryRecord record, Take<EntryRecord>(payload));
  if (payload.size() > kMaxNameOctets || record.depth == 0 || record.depth > limits_.depth ||
      record.type > static_cast<uint32_t>(mime::FileType::kPgp) || inspection_.entries.size() >= limits_.entries) {
    return Nonsense();
  }
  inspection_.entries.push_back({DecodeName(payload), record.size, record.depth,
                                 static_cast<mime::FileType>(record.type), Reading::kUnreadable,
                                 record.unsafe_path != 0});
  return Ok();
}

Status ReadingSession::TakeReading(std::string_view payload) {
  SEKISHO_TRY(const ReadingRecord record, Take<ReadingRecord>(payload));
  Reading* const reading = FindReading(record.number);
  if (reading == nullptr || record.reading > static_cast<uint32_t>(Reading::kUnreadable)) return Nonsense();
  *reading = static_cast<Reading>(record.reading);
  return Ok();
}

Status ReadingSession::TakeText(std::string_view payload) {
  SEKISHO_TRY(const TextRecord record, Take<TextRecord>(payload));
  if (record.form != TextForm::kUtf8 && record.form != TextForm::kPlain && record.form != TextForm::kHtml)
    return Nonsense();
  return AddText(record.number, DecodeText(record.form, payload));
}

Status ReadingSession::TakeDocument(std::string_view payload) {
  SEKISHO_TRY(const DocumentRecord record, Take<DocumentRecord>(payload));
  if (++documents_ > limits_.documents || FindReading(record.number) == nullptr) return Nonsense();
  SEKISHO_TRY(const Reading reading, ReadDocument(record, payload));
  *FindReading(record.number) = reading;
  return Ok();
}

Result<Reading> ReadingSession::ReadDocument(const DocumentRecord& document, std::string_view octets) {
  const bool pdf = document.task == Task::kPdfText;
  if (!pdf && document.task != Task::kWordText && document.task != Task::kExcelText) return Nonsense();
  SEKISHO_TRY(const std::optional<std::string> text, RunProgram(document.task, octets));
  if (!text) return document.encrypted != 0 ? Reading::kEncrypted : Reading::kUnreadable;
  if (pdf) {
    SEKISHO_TRY(const bool attachments, HasAttachments(octets));
    if (attachments) return Reading::kUnreadable;
  }
  // A PDF may be pictures only. The programs for old Office files say that all is well when they understood nothing.
  const bool blank = text->find_first_not_of(" \t\r\n\f") == std::string::npos;
  if (blank) return pdf ? Reading::kNoText : Reading::kUnreadable;
  SEKISHO_RETURN_IF_ERROR(AddText(document.number, DecodeText(TextForm::kUtf8, *text)));
  return Reading::kText;
}

// Files inside a PDF aren't unpacked; one that has some is as good as unread. So is one of which it can't be told.
Result<bool> ReadingSession::HasAttachments(std::string_view pdf) {
  SEKISHO_TRY(const std::optional<std::string> list, RunProgram(Task::kPdfAttachments, pdf));
  return !list || !list->starts_with("0 embedded files");
}

Result<std::optional<std::string>> ReadingSession::RunProgram(Task task, std::string_view octets) {
  SEKISHO_TRY(const FileDescriptor content, InMemory(octets));
  SEKISHO_TRY(WorkerProcess worker, new_worker_());
  SEKISHO_RETURN_IF_ERROR(worker.Ask(NewRequest(task, octets.size(), 0), content, {}));
  SEKISHO_TRY(std::string output, worker.ReadAll(text_left_, deadline_));
  const int status = worker.WaitForEnd(deadline_);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return std::optional<std::string>(std::move(output));
  return std::optional<std::string>();
}

Status ReadingSession::AddText(uint32_t number, std::string text) {
  if (FindReading(number) == nullptr) return Nonsense();
  if (text.size() > text_left_) return MakeError(Code::kLimit, "an attachment holds more text than allowed");
  text_left_ -= text.size();
  inspection_.texts.push_back({number == kAttachment ? name_ : inspection_.entries[number - 1].name, std::move(text)});
  return Ok();
}

Reading* ReadingSession::FindReading(uint32_t number) {
  if (number == kAttachment) return &inspection_.reading;
  return number <= inspection_.entries.size() ? &inspection_.entries[number - 1].reading : nullptr;
}

}  // namespace sekisho::sandbox
