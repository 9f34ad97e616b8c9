#include "shared/sandbox/worker/inspect.h"

#include <algorithm>

#include "shared/base/bytes.h"
#include "shared/mime/encrypted_file.h"
#include "shared/mime/file_type.h"
#include "shared/sandbox/worker/office_text.h"
#include "shared/sandbox/worker/slides_text.h"

namespace sekisho::sandbox {
namespace {

using archive::ArchiveEntry;
using mime::FileType;

constexpr size_t kHeadOctets = 36 << 10;  // what DetectType wants to see

enum class Kind { kText, kHtml, kArchive, kOffice, kPdf, kCompound, kNoText, kEncrypted, kUnreadable };

Kind KindOf(FileType type) {
  switch (type) {
    case FileType::kText:
    case FileType::kXml:
    case FileType::kScript:
    case FileType::kIcs:
    case FileType::kVcard:
      return Kind::kText;
    case FileType::kHtml:
    case FileType::kSvg:
      return Kind::kHtml;
    case FileType::kZip:
    case FileType::kRar:
    case FileType::k7z:
    case FileType::kGzip:
    case FileType::kBzip2:
    case FileType::kXz:
    case FileType::kTar:
    case FileType::kCab:
    case FileType::kLzh:
      return Kind::kArchive;
    case FileType::kOoxml:
    case FileType::kOdf:
      return Kind::kOffice;
    case FileType::kPdf:
      return Kind::kPdf;
    case FileType::kOle:
      return Kind::kCompound;
    case FileType::kEmpty:
    case FileType::kPng:
    case FileType::kJpeg:
    case FileType::kGif:
    case FileType::kBmp:
    case FileType::kTiff:
    case FileType::kWebp:
    case FileType::kHeif:
    case FileType::kAudioVideo:
    case FileType::kPe:
    case FileType::kElf:
    case FileType::kMachO:
    case FileType::kLnk:
      return Kind::kNoText;
    case FileType::kPgp:
      return Kind::kEncrypted;
    // A disk image can hold two file systems, of which each program shows one.
    case FileType::kIso:
    case FileType::kVhd:
    case FileType::kUnknown:
    case FileType::kRtf:
    case FileType::kMsi:
    case FileType::kOutlookMessage:
    case FileType::kOneNote:
    case FileType::kEml:
    case FileType::kTnef:
    case FileType::kPkcs7:
      return Kind::kUnreadable;
  }
  return Kind::kUnreadable;
}

FileType TypeOf(std::string_view octets, std::string_view name) {
  return mime::RefineType(mime::DetectType(octets.substr(0, kHeadOctets), name), octets);
}

// The project stream of macros, which isn't text that anybody reads; not a document under its name.
bool IsMacroProject(std::string_view octets) {
  const auto file = mime::CompoundFile::Open(octets);
  return file && file->Find("VBA") != nullptr && file->Find("WordDocument") == nullptr &&
         file->Find("Workbook") == nullptr && file->Find("Book") == nullptr &&
         file->Find("PowerPoint Document") == nullptr && file->Find("Package") == nullptr;
}

bool Runs(FileType type) {
  return type == FileType::kPe || type == FileType::kElf || type == FileType::kMachO || type == FileType::kLnk;
}

// Parts of an office file that nobody opens by themselves: pictures, sound, fonts, printer settings, ODF's own type.
// Not what runs, nor what no known program wrote under such a name.
bool IsIngredient(std::string_view octets, std::string_view name) {
  if (name == "mimetype" && octets.starts_with("application/vnd.oasis.") && octets.size() < 128) return true;
  const FileType type = TypeOf(octets, name);
  if (type == FileType::kUnknown) return mime::ExtensionFits(mime::Extension(name), type);
  return (KindOf(type) == Kind::kNoText && !Runs(type)) || (type == FileType::kOle && IsMacroProject(octets));
}

bool IsXmlPart(std::string_view name) {
  const std::string lower = AsciiLower(name);
  return lower.ends_with(".xml") || lower.ends_with(".rels") || lower.ends_with(".vml") || lower.ends_with(".rdf");
}

}  // namespace

Inspector::Inspector(const Request& limits, Answer& answer)
    : limits_(limits),
      answer_(answer),
      budget_(limits.entries, limits.octets, limits.ratio, limits.size),
      text_left_(limits.text_octets),
      documents_left_(limits.documents) {}

Status Inspector::Inspect(std::string_view octets, std::string_view name) {
  SEKISHO_TRY(const Outcome reading, Read(kAttachment, octets, name, 0));
  if (reading) answer_.SetReading(kAttachment, *reading);
  return Ok();
}

Result<Inspector::Outcome> Inspector::Read(uint32_t number, std::string_view octets, std::string_view name,
                                           uint32_t depth) {
  const FileType type = TypeOf(octets, name);
  const Kind kind = KindOf(type);
  if ((kind == Kind::kOffice || kind == Kind::kCompound) && mime::IsEncryptedFile(type, octets))
    return Outcome(Reading::kEncrypted);
  switch (kind) {
    case Kind::kText:
      return SendText(number, TextForm::kPlain, octets);
    case Kind::kHtml:
      return SendText(number, TextForm::kHtml, octets);
    case Kind::kArchive:
      return ReadArchiveFile(octets, depth);
    case Kind::kOffice:
      return ReadOffice(number, octets, depth);
    case Kind::kPdf:
      return SendDocument(number, Task::kPdfText, octets);
    case Kind::kCompound:
      return ReadCompound(number, octets);
    case Kind::kNoText:
      return Outcome(Reading::kNoText);
    case Kind::kEncrypted:
      return Outcome(Reading::kEncrypted);
    case Kind::kUnreadable:
      return Outcome(Reading::kUnreadable);
  }
  return Outcome(Reading::kUnreadable);
}

Result<Inspector::Outcome> Inspector::ReadArchiveFile(std::string_view octets, uint32_t depth) {
  if (depth >= limits_.depth) return MakeError(Code::kLimit, "archives are nested deeper than allowed");
  SEKISHO_TRY(
      const archive::ArchiveReading reading,
      archive::ReadArchive(octets, kKeepOctets, budget_, [&](const ArchiveEntry& entry, std::string_view content) {
        return ReadEntry(entry, content, depth + 1);
      }));
  switch (reading) {
    case archive::ArchiveReading::kWhole:
      return Outcome(Reading::kListed);
    case archive::ArchiveReading::kEncrypted:
      return Outcome(Reading::kEncrypted);
    case archive::ArchiveReading::kDamaged:
      return Outcome(Reading::kUnreadable);
  }
  return Outcome(Reading::kUnreadable);
}

Status Inspector::ReadEntry(const ArchiveEntry& entry, std::string_view content, uint32_t depth) {
  const FileType type = content.empty() ? FileType::kUnknown : TypeOf(content, entry.name);
  const uint32_t number = answer_.Entry(entry.name, entry.size, depth, entry.unsafe_path, type);
  Outcome reading = Reading::kNoText;
  if (entry.encrypted) {
    reading = Reading::kEncrypted;
  } else if (entry.damaged || entry.cut || (entry.unsafe_path && content.empty())) {
    reading = Reading::kUnreadable;
  } else if (!entry.directory) {
    SEKISHO_TRY(reading, Read(number, content, entry.name, depth));
  }
  if (reading) answer_.SetReading(number, *reading);
  return Ok();
}

Result<Inspector::Outcome> Inspector::ReadOffice(uint32_t number, std::string_view octets, uint32_t depth) {
  std::string text;
  bool readable = true;
  const auto visit = [&](const ArchiveEntry& entry, std::string_view content) -> Status {
    if (entry.encrypted || entry.damaged || entry.cut || entry.unsafe_path) {
      readable = false;
    } else if (IsXmlPart(entry.name)) {
      const std::optional<std::string> some = XmlText(content);
      readable = readable && some.has_value();
      if (some) text += *some + '\n';
      if (text.size() > text_left_) return MakeError(Code::kLimit, "a document holds more text than allowed");
    } else if (!entry.directory && !IsIngredient(content, entry.name)) {
      if (depth >= limits_.depth) return MakeError(Code::kLimit, "documents are nested deeper than allowed");
      return ReadEntry(entry, content, depth + 1);
    }
    return Ok();
  };
  SEKISHO_TRY(const archive::ArchiveReading reading, archive::ReadArchive(octets, kKeepOctets, budget_, visit));
  if (!readable || reading != archive::ArchiveReading::kWhole) return Outcome(Reading::kUnreadable);
  return SendText(number, TextForm::kUtf8, text);
}

// Word, Excel and PowerPoint up to 2003: the program that reads one of them is found by its stream. Of a file with
// several, or with other files embedded, it would read only a part.
Result<Inspector::Outcome> Inspector::ReadCompound(uint32_t number, std::string_view octets) {
  const auto file = mime::CompoundFile::Open(octets);
  if (!file) return Outcome(Reading::kUnreadable);
  for (const char* embedded : {"\1Ole10Native", "Package", "CONTENTS"}) {
    if (file->Find(embedded) != nullptr) return Outcome(Reading::kUnreadable);
  }
  const bool word = file->Find("WordDocument") != nullptr;
  const bool excel = file->Find("Workbook") != nullptr || file->Find("Book") != nullptr;
  const bool slides = file->Find("PowerPoint Document") != nullptr;
  if (word + excel + slides != 1) return Outcome(Reading::kUnreadable);
  if (slides) return ReadSlides(number, *file);
  return SendDocument(number, word ? Task::kWordText : Task::kExcelText, octets);
}

// Not catppt: it finds nothing in what LibreOffice writes, and says that all is well.
Result<Inspector::Outcome> Inspector::ReadSlides(uint32_t number, const mime::CompoundFile& file) {
  const std::optional<std::string> text = SlidesText(file.Read(*file.Find("PowerPoint Document"), kKeepOctets));
  if (!text) return Outcome(Reading::kUnreadable);
  return SendText(number, TextForm::kUtf8, *text);
}

Result<Inspector::Outcome> Inspector::SendText(uint32_t number, TextForm form, std::string_view octets) {
  if (octets.size() > text_left_) return MakeError(Code::kLimit, "an attachment holds more text than allowed");
  if (octets.size() > kKeepOctets) return Outcome(Reading::kUnreadable);
  text_left_ -= octets.size();
  answer_.Text(number, form, octets);
  return Outcome(Reading::kText);
}

// The gateway has a reader program run over it, and knows then whether there was text.
Result<Inspector::Outcome> Inspector::SendDocument(uint32_t number, Task task, std::string_view octets) {
  if (octets.size() > kKeepOctets) return Outcome(Reading::kUnreadable);
  if (documents_left_ == 0) return MakeError(Code::kLimit, "an attachment holds more documents than allowed");
  --documents_left_;
  const bool encrypted = task == Task::kPdfText && mime::IsEncryptedFile(FileType::kPdf, octets);
  answer_.Document(number, task, encrypted, octets);
  return Outcome();
}

}  // namespace sekisho::sandbox
