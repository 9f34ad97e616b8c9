#include "shared/sandbox/worker/answer.h"

#include <unistd.h>

#include "shared/base/files.h"

namespace sekisho::sandbox {

void Answer::Write(Record record, const void* head, size_t head_size, std::string_view rest) {
  const RecordHeader header{record, static_cast<uint32_t>(head_size + rest.size())};
  std::string begin(reinterpret_cast<const char*>(&header), sizeof header);
  begin.append(static_cast<const char*>(head), head_size);
  if (!WriteAll(to_, begin).ok() || !WriteAll(to_, rest).ok()) _exit(kExitProtocol);
}

uint32_t Answer::Entry(std::string_view name, uint64_t size, uint32_t depth, bool unsafe_path, mime::FileType type) {
  const EntryRecord entry{size, depth, unsafe_path ? 1u : 0u, static_cast<uint32_t>(type)};
  Write(Record::kEntry, &entry, sizeof entry, name.substr(0, kMaxNameOctets));
  return ++entries_;
}

void Answer::SetReading(uint32_t number, Reading reading) {
  const ReadingRecord record{number, static_cast<uint32_t>(reading)};
  Write(Record::kReading, &record, sizeof record, {});
}

void Answer::Text(uint32_t number, TextForm form, std::string_view octets) {
  const TextRecord text{number, form};
  Write(Record::kText, &text, sizeof text, octets);
}

void Answer::Document(uint32_t number, Task task, bool encrypted, std::string_view octets) {
  const DocumentRecord document{number, task, encrypted ? 1u : 0u};
  Write(Record::kDocument, &document, sizeof document, octets);
}

void Answer::Limit(std::string_view what) { Write(Record::kLimit, nullptr, 0, what); }
void Answer::Done() { Write(Record::kDone, nullptr, 0, {}); }

}  // namespace sekisho::sandbox
