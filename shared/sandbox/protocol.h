#pragma once
// What the gateway and its worker say to each other over a stream socket, both of one build. Internal to
// shared/sandbox.
//
// The gateway sends one Request, its content as a descriptor beside it, then the name. A worker that inspects answers
// with records, each RecordHeader and payload, the last kDone or kLimit; a worker that runs a reader program answers
// with that program's output up to the end of the stream. The gateway believes nothing of the answer but that it is
// octets.

#include <cstdint>

namespace sekisho::sandbox {

enum class Task : uint32_t {
  kInspect = 1,
  // Programs that read the content from descriptor 0 and write to descriptor 1.
  kPdfText,
  kPdfAttachments,  // "N embedded files" and their names
  kWordText,
  kExcelText,
};

struct Request {
  Task task;
  uint32_t depth;
  uint64_t size;  // of the content
  uint64_t entries, octets, ratio, text_octets;
  uint64_t memory;
  uint32_t documents;
  uint32_t cpu_seconds;
  uint32_t name_size;
};

enum class Record : uint32_t {
  kEntry = 1,  // EntryRecord, then the name's octets. Its number: how many came before it, plus one
  kReading,    // ReadingRecord; not for documents
  kText,       // TextRecord, then octets in an unknown charset (kPlain, kHtml) or UTF-8
  kDocument,   // DocumentRecord, then content for a reader program; its reading is the gateway's to say
  kLimit,      // which limit, in words. The last record
  kDone,       // the last record
};

struct RecordHeader {
  Record record;
  uint32_t size;  // of the payload
};

constexpr uint32_t kAttachment = 0;  // the number of the attachment itself among its entries

struct EntryRecord {
  uint64_t size;
  uint32_t depth;
  uint32_t unsafe_path;
  uint32_t type;  // mime::FileType
};
struct ReadingRecord {
  uint32_t number;
  uint32_t reading;  // sandbox::Reading
};
enum class TextForm : uint32_t { kUtf8 = 0, kPlain, kHtml };
struct TextRecord {
  uint32_t number;
  TextForm form;
};
struct DocumentRecord {
  uint32_t number;
  Task task;
  uint32_t encrypted;  // it says so; perhaps it can be read all the same
};

// What a worker keeps of one file, and so the most that a record holds.
constexpr uint64_t kKeepOctets = 64 << 20;
constexpr uint64_t kMaxPayload = kKeepOctets + 4096;
constexpr uint32_t kMaxNameOctets = 4096;

// A worker's exit status.
constexpr int kExitDone = 0, kExitOutOfMemory = 3, kExitNotConfined = 4, kExitNoProgram = 5, kExitProtocol = 6;

}  // namespace sekisho::sandbox
