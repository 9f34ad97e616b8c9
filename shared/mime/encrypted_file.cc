#include "shared/mime/encrypted_file.h"

#include <algorithm>
#include <cstdint>

#include "shared/mime/compound_file.h"
#include "shared/mime/little_endian.h"
#include "shared/mime/zip_directory.h"

namespace sekisho::mime {
namespace {

using namespace std::string_view_literals;

bool IsEncryptedZip(std::string_view content, bool is_odf) {
  bool encrypted = false;
  ForEachZipEntry(content, [&](const ZipEntry& entry) {
    encrypted |= (entry.flags & 1) != 0 || entry.method == 99;
    // ODF encrypts before it compresses, without ZIP's own flag: its content is stored then, and never otherwise.
    encrypted |= is_odf && (entry.name == "encrypted-package" || (entry.name == "content.xml" && entry.method == 0));
  });
  return encrypted;
}

// [MS-XLS] §2.4.117: a FilePass record near the beginning of the workbook stream.
bool HasFilePass(std::string_view workbook) {
  for (size_t at = 0; at + 4 <= workbook.size();) {
    if (LittleEndian(workbook, at, 2) == 0x2F) return true;
    at += 4 + static_cast<size_t>(LittleEndian(workbook, at + 2, 2));
  }
  return false;
}

bool IsEncryptedOle(std::string_view content) {
  const std::optional<CompoundFile> file = CompoundFile::Open(content);
  if (!file) return false;
  if (file->Find("EncryptedPackage") != nullptr) return true;
  if (const auto* word = file->Find("WordDocument")) {
    return (LittleEndian(file->Read(*word, 32), 0x0A, 2) & 0x0100) != 0;  // [MS-DOC] §2.5.2: fEncrypted
  }
  for (const std::string_view name : {"Workbook"sv, "Book"sv}) {
    if (const auto* workbook = file->Find(name)) return HasFilePass(file->Read(*workbook, 4096));
  }
  if (const auto* user = file->Find("Current User")) {
    return LittleEndian(file->Read(*user, 32), 12, 4) == 0xF3D1C4DF;  // [MS-PPT] §2.3.2: headerToken
  }
  return false;
}

// ISO 32000-1 §7.6.1: the trailer, a stream's dictionary at the latest, names the encryption; it is never compressed
// itself.
bool IsEncryptedPdf(std::string_view content) {
  constexpr std::string_view kKey = "/Encrypt";
  for (size_t at = content.find(kKey); at != std::string_view::npos; at = content.find(kKey, at + 1)) {
    const size_t end = at + kKey.size();
    if (end < content.size() && " \t\r\n<"sv.find(content[end]) != std::string_view::npos) return true;
  }
  return false;
}

// A number in RAR 5's form: seven bits an octet, the high bit says that more follow.
uint64_t ReadVint(std::string_view octets, size_t& at) {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 63 && at < octets.size(); shift += 7) {
    const auto octet = static_cast<unsigned char>(octets[at++]);
    value |= static_cast<uint64_t>(octet & 0x7F) << shift;
    if ((octet & 0x80) == 0) break;
  }
  return value;
}

bool IsEncryptedRar5(std::string_view content) {
  size_t at = 8;
  while (at + 6 < content.size()) {
    at += 4;  // the CRC
    const uint64_t size = ReadVint(content, at);
    const size_t header = at;
    const uint64_t type = ReadVint(content, at), flags = ReadVint(content, at);
    if (type == 4) return true;  // headers are encrypted
    const uint64_t extra = (flags & 1) != 0 ? ReadVint(content, at) : 0;
    const uint64_t data = (flags & 2) != 0 ? ReadVint(content, at) : 0;
    if (size > content.size() - header || extra > size || data > content.size()) return false;
    size_t record = header + static_cast<size_t>(size - extra);
    const size_t end = header + static_cast<size_t>(size);
    while ((type == 2 || type == 3) && record < end) {
      const uint64_t record_size = ReadVint(content, record);
      size_t inside = record;
      if (ReadVint(content, inside) == 1) return true;  // file encryption
      if (record_size == 0 || record_size > end - record) break;
      record += static_cast<size_t>(record_size);
    }
    if (data > content.size() - end) return false;
    at = end + static_cast<size_t>(data);
  }
  return false;
}

bool IsEncryptedRar(std::string_view content) {
  if (content.size() > 7 && content[6] == 1) return IsEncryptedRar5(content);
  size_t at = 7;
  while (at + 7 <= content.size()) {
    const uint64_t type = LittleEndian(content, at + 2, 1), flags = LittleEndian(content, at + 3, 2),
                   size = LittleEndian(content, at + 5, 2);
    if (type == 0x73 && (flags & 0x0080) != 0) return true;
    if (type == 0x74 && (flags & 0x0004) != 0) return true;
    const uint64_t data = (flags & 0x8000) != 0 ? LittleEndian(content, at + 7, 4) : 0;
    if (size < 7) return false;
    at += static_cast<size_t>(std::min<uint64_t>(size + data, content.size()));
  }
  return false;
}

// The end header of a 7z file names its coders; encrypted names make AES one of them.
bool IsEncrypted7z(std::string_view content) {
  const uint64_t offset = LittleEndian(content, 12, 8), size = LittleEndian(content, 20, 8);
  if (content.size() < 32 || offset > content.size() - 32) return false;
  return content.substr(32 + static_cast<size_t>(offset), static_cast<size_t>(std::min<uint64_t>(size, 1 << 20)))
             .find("\x06\xF1\x07\x01"sv) != std::string_view::npos;
}

}  // namespace

bool MayBeEncrypted(FileType type) {
  switch (type) {
    case FileType::kZip:
    case FileType::kOoxml:
    case FileType::kOdf:
    case FileType::kOle:
    case FileType::kPdf:
    case FileType::kRar:
    case FileType::k7z:
      return true;
    default:
      return false;
  }
}

bool IsEncryptedFile(FileType type, std::string_view content) {
  switch (type) {
    case FileType::kZip:
    case FileType::kOoxml:
      return IsEncryptedZip(content, false);
    case FileType::kOdf:
      return IsEncryptedZip(content, true);
    case FileType::kOle:
      return IsEncryptedOle(content);
    case FileType::kPdf:
      return IsEncryptedPdf(content);
    case FileType::kRar:
      return IsEncryptedRar(content);
    case FileType::k7z:
      return IsEncrypted7z(content);
    default:
      return false;
  }
}

}  // namespace sekisho::mime
