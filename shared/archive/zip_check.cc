#include "shared/archive/zip_check.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

namespace sekisho::archive {
namespace {

constexpr std::string_view kLocalSignature("PK\3\4", 4), kCentralSignature("PK\1\2", 4), kEndSignature("PK\5\6", 4),
    kEnd64Signature("PK\6\6", 4), kLocator64Signature("PK\6\7", 4);
constexpr size_t kLocalOctets = 30, kCentralOctets = 46, kEndOctets = 22, kEnd64Octets = 56, kLocator64Octets = 20;
constexpr size_t kMaxComment = 65535;
constexpr uint16_t kFlagEncrypted = 1 << 0, kFlagDescriptor = 1 << 3, kFlagStrong = 1 << 6, kFlagMasked = 1 << 13;

Error Malformed(const char* what) { return MakeError(Code::kMalformed, std::string("ZIP file: ") + what); }

// Little-endian numbers; the caller has checked the size.
uint64_t Number(std::string_view octets, size_t at, size_t size) {
  uint64_t value = 0;
  for (size_t i = size; i-- > 0;) value = value << 8 | static_cast<unsigned char>(octets[at + i]);
  return value;
}
uint16_t U16(std::string_view octets, size_t at) { return static_cast<uint16_t>(Number(octets, at, 2)); }
uint64_t U32(std::string_view octets, size_t at) { return Number(octets, at, 4); }

struct Directory {
  uint64_t offset = 0, size = 0, entries = 0;
  size_t end = 0;  // where the records that follow the directory begin
};

struct Entry {
  std::string_view name;
  uint16_t flags = 0, method = 0;
  uint64_t packed = 0, plain = 0, offset = 0;
};

struct Extent {
  uint64_t begin, end;
};

// The end record whose comment reaches exactly to the end of the file. Two such could be read in two ways.
Result<size_t> FindEndRecord(std::string_view octets) {
  if (octets.size() < kEndOctets) return Malformed("it has no directory");
  const size_t first = octets.size() - std::min(octets.size(), kEndOctets + kMaxComment);
  std::optional<size_t> found;
  for (size_t at = octets.find(kEndSignature, first); at != std::string_view::npos;
       at = octets.find(kEndSignature, at + 1)) {
    if (at + kEndOctets > octets.size() || at + kEndOctets + U16(octets, at + 20) != octets.size()) continue;
    if (found) return Malformed("it has two directories");
    found = at;
  }
  if (!found) return Malformed("its directory isn't at its end");
  return *found;
}

// The ZIP64 end record, where the classic one refers to it.
Result<Directory> ReadEnd64(std::string_view octets, size_t end) {
  if (end < kLocator64Octets || octets.substr(end - kLocator64Octets, 4) != kLocator64Signature) {
    return Malformed("its ZIP64 directory is missing");
  }
  const uint64_t at = Number(octets, end - kLocator64Octets + 8, 8);
  if (at > end - kLocator64Octets || end - kLocator64Octets - at < kEnd64Octets ||
      octets.substr(at, 4) != kEnd64Signature) {
    return Malformed("its ZIP64 directory is missing");
  }
  if (U32(octets, at + 16) != 0 || U32(octets, at + 20) != 0) return Malformed("it is a part of a split file");
  return Directory{Number(octets, at + 48, 8), Number(octets, at + 40, 8), Number(octets, at + 32, 8),
                   static_cast<size_t>(at)};
}

Result<Directory> FindDirectory(std::string_view octets) {
  SEKISHO_TRY(const size_t end, FindEndRecord(octets));
  Directory directory{U32(octets, end + 16), U32(octets, end + 12), U16(octets, end + 10), end};
  if (directory.offset == UINT32_MAX || directory.size == UINT32_MAX || directory.entries == UINT16_MAX) {
    SEKISHO_TRY(directory, ReadEnd64(octets, end));
  } else if (U16(octets, end + 4) != 0 || U16(octets, end + 6) != 0 || U16(octets, end + 8) != directory.entries) {
    return Malformed("it is a part of a split file");
  }
  if (directory.offset > directory.end || directory.size != directory.end - directory.offset) {
    return Malformed("its directory isn't where it says");
  }
  return directory;
}

// Values too large for 32 bits stand in the ZIP64 extra field, in this order, only those that are needed.
Status ReadExtra64(std::string_view extra, std::initializer_list<uint64_t*> values) {
  while (extra.size() >= 4) {
    const size_t size = U16(extra, 2);
    if (extra.size() < 4 + size) return Malformed("an extra field is cut short");
    if (U16(extra, 0) == 1) {
      size_t at = 4;
      for (uint64_t* const value : values) {
        if (*value != UINT32_MAX) continue;
        if (at + 8 > 4 + size) return Malformed("a ZIP64 size is missing");
        *value = Number(extra, at, 8);
        at += 8;
      }
      return Ok();
    }
    extra.remove_prefix(4 + size);
  }
  return Ok();
}

Result<Entry> ReadCentral(std::string_view& directory) {
  if (directory.size() < kCentralOctets || !directory.starts_with(kCentralSignature))
    return Malformed("its directory is damaged");
  const size_t name = U16(directory, 28), extra = U16(directory, 30), comment = U16(directory, 32);
  if (directory.size() < kCentralOctets + name + extra + comment) return Malformed("its directory is cut short");
  Entry entry{directory.substr(kCentralOctets, name),
              U16(directory, 8),
              U16(directory, 10),
              U32(directory, 20),
              U32(directory, 24),
              U32(directory, 42)};
  SEKISHO_RETURN_IF_ERROR(
      ReadExtra64(directory.substr(kCentralOctets + name, extra), {&entry.plain, &entry.packed, &entry.offset}));
  directory.remove_prefix(kCentralOctets + name + extra + comment);
  return entry;
}

Result<Extent> CheckLocal(std::string_view octets, const Entry& entry, const Directory& directory) {
  if (entry.offset > directory.offset || directory.offset - entry.offset < kLocalOctets)
    return Malformed("an entry lies outside");
  const std::string_view local = octets.substr(entry.offset);
  if (!local.starts_with(kLocalSignature)) return Malformed("an entry isn't where the directory says");
  const size_t name = U16(local, 26), extra = U16(local, 28);
  if (local.size() < kLocalOctets + name + extra) return Malformed("an entry is cut short");
  if (local.substr(kLocalOctets, name) != entry.name) return Malformed("an entry has two names");
  constexpr uint16_t kReadFlags = kFlagEncrypted | kFlagStrong | kFlagMasked;
  if (U16(local, 8) != entry.method || (U16(local, 6) & kReadFlags) != (entry.flags & kReadFlags)) {
    return Malformed("an entry is packed in two ways");
  }
  uint64_t packed = U32(local, 18), plain = U32(local, 22);
  SEKISHO_RETURN_IF_ERROR(ReadExtra64(local.substr(kLocalOctets + name, extra), {&plain, &packed}));
  // Written in one go, the sizes follow the content; then the header has zeros, or already the truth.
  const bool deferred = (U16(local, 6) & kFlagDescriptor) != 0 && packed == 0 && plain == 0;
  if (!deferred && (packed != entry.packed || plain != entry.plain)) return Malformed("an entry has two sizes");
  const uint64_t begin = entry.offset + kLocalOctets + name + extra;
  if (begin > directory.offset || entry.packed > directory.offset - begin) return Malformed("an entry lies outside");
  return Extent{entry.offset, begin + entry.packed};
}

}  // namespace

Status CheckZip(std::string_view octets, uint64_t max_entries) {
  SEKISHO_TRY(const Directory directory, FindDirectory(octets));
  if (directory.entries > max_entries) return MakeError(Code::kLimit, "an archive has more entries than allowed");
  std::string_view records = octets.substr(directory.offset, directory.size);
  std::vector<Extent> extents;
  for (uint64_t i = 0; i < directory.entries; ++i) {
    SEKISHO_TRY(const Entry entry, ReadCentral(records));
    SEKISHO_TRY(const Extent extent, CheckLocal(octets, entry, directory));
    extents.push_back(extent);
  }
  if (!records.empty()) return Malformed("its directory has more entries than it says");

  std::sort(extents.begin(), extents.end(), [](const Extent& a, const Extent& b) { return a.begin < b.begin; });
  uint64_t end = 0;
  extents.push_back({directory.offset, directory.offset});
  for (const Extent& extent : extents) {
    if (extent.begin < end) return Malformed("entries overlap");
    if (octets.substr(end, extent.begin - end).find(kLocalSignature) != std::string_view::npos) {
      return Malformed("an entry is hidden between others");
    }
    end = extent.end;
  }
  return Ok();
}

}  // namespace sekisho::archive
