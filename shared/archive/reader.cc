#include "shared/archive/reader.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <cstring>

#include "shared/archive/zip_check.h"
#include "shared/base/handle.h"

namespace sekisho::archive {
namespace {

using Reader = Handle<struct archive, archive_read_free>;

constexpr uint64_t kRatioFloor = 1 << 20;  // below, no ratio is a bomb

Reader NewReader() {
  Reader reader(archive_read_new());
  SEKISHO_CHECK(reader != nullptr);
  struct archive* const a = reader.get();
  archive_read_support_filter_gzip(a);
  archive_read_support_filter_bzip2(a);
  archive_read_support_filter_xz(a);
  archive_read_support_filter_zstd(a);
  archive_read_support_format_zip_seekable(a);
  archive_read_support_format_7zip(a);
  archive_read_support_format_rar(a);
  archive_read_support_format_rar5(a);
  archive_read_support_format_lha(a);
  archive_read_support_format_cab(a);
  archive_read_support_format_tar(a);
  archive_read_support_format_raw(a);
  return reader;
}

// libarchive has no error code for it. Its archive_read_has_encrypted_entries would say it, and crashes where no format
// was recognised (3.6.2).
bool SaysEncrypted(struct archive* reader) {
  const char* const text = archive_error_string(reader);
  return text != nullptr && (std::strstr(text, "ncrypt") != nullptr || std::strstr(text, "assphrase") != nullptr);
}

bool IsUnsafePath(std::string_view name) {
  if (name.starts_with('/') || name.starts_with('\\') || (name.size() > 1 && name[1] == ':')) return true;
  while (!name.empty()) {
    const size_t end = std::min(name.find_first_of("/\\"), name.size());
    if (name.substr(0, end) == "..") return true;
    name.remove_prefix(std::min(end + 1, name.size()));
  }
  return false;
}

ArchiveEntry Describe(struct archive_entry* from) {
  ArchiveEntry entry;
  const char* const name = archive_entry_pathname(from);
  entry.name = name == nullptr ? "" : name;
  entry.directory = archive_entry_filetype(from) == AE_IFDIR;
  const bool regular = archive_entry_filetype(from) == AE_IFREG || archive_entry_filetype(from) == 0;
  entry.unsafe_path = (!regular && !entry.directory) || archive_entry_hardlink(from) != nullptr ||
                      archive_entry_symlink(from) != nullptr || name == nullptr || IsUnsafePath(entry.name);
  entry.encrypted = archive_entry_is_encrypted(from) != 0;
  return entry;
}

Status ReadContent(struct archive* reader, uint64_t keep_octets, Budget& budget, ArchiveEntry& entry,
                   std::string& content) {
  char buffer[64 << 10];
  for (;;) {
    const la_ssize_t size = archive_read_data(reader, buffer, sizeof buffer);
    if (size == 0) return Ok();
    if (size < 0) {
      entry.encrypted = SaysEncrypted(reader);
      entry.damaged = !entry.encrypted;
      return Ok();
    }
    SEKISHO_RETURN_IF_ERROR(budget.TakeOctets(static_cast<uint64_t>(size)));
    entry.size += static_cast<uint64_t>(size);
    const uint64_t room = keep_octets - content.size();
    content.append(buffer, std::min(static_cast<uint64_t>(size), room));
    entry.cut = entry.size > keep_octets;
  }
}

bool IsZip(std::string_view octets) {
  return octets.starts_with("PK\3\4") || octets.starts_with(std::string_view("PK\5\6", 4));
}

}  // namespace

Status Budget::TakeEntry() {
  if (entries_ == 0) return MakeError(Code::kLimit, "an archive has more entries than allowed");
  --entries_;
  return Ok();
}

Status Budget::TakeOctets(uint64_t octets) {
  if (octets > octets_) return MakeError(Code::kLimit, "an archive unpacks to more octets than allowed");
  octets_ -= octets;
  taken_ += octets;
  if (taken_ > kRatioFloor && taken_ > ratio_octets_)
    return MakeError(Code::kLimit, "an archive's packing ratio is that of a bomb");
  return Ok();
}

Result<ArchiveReading> ReadArchive(std::string_view octets, uint64_t keep_octets, Budget& budget,
                                   FunctionRef<Status(const ArchiveEntry&, std::string_view content)> visit) {
  if (IsZip(octets)) {
    if (const Status checked = CheckZip(octets, budget.entries_left()); !checked.ok()) {
      if (checked.error().code == Code::kLimit) return checked.error();
      return ArchiveReading::kDamaged;
    }
  }
  const Reader reader = NewReader();
  if (archive_read_open_memory(reader.get(), octets.data(), octets.size()) != ARCHIVE_OK) {
    return SaysEncrypted(reader.get()) ? ArchiveReading::kEncrypted : ArchiveReading::kDamaged;
  }
  bool any = false;
  for (;;) {
    struct archive_entry* native = nullptr;
    const int status = archive_read_next_header(reader.get(), &native);
    if (status == ARCHIVE_EOF)
      return any || archive_format(reader.get()) != 0 ? ArchiveReading::kWhole : ArchiveReading::kDamaged;
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN) {
      return SaysEncrypted(reader.get()) ? ArchiveReading::kEncrypted : ArchiveReading::kDamaged;
    }
    // "Raw" fits everything: without a compression around it, this isn't an archive.
    if (archive_format(reader.get()) == ARCHIVE_FORMAT_RAW && archive_filter_count(reader.get()) < 2) {
      return ArchiveReading::kDamaged;
    }
    any = true;
    SEKISHO_RETURN_IF_ERROR(budget.TakeEntry());
    ArchiveEntry entry = Describe(native);
    std::string content;
    if (!entry.directory && !entry.encrypted) {
      SEKISHO_RETURN_IF_ERROR(ReadContent(reader.get(), keep_octets, budget, entry, content));
    }
    SEKISHO_RETURN_IF_ERROR(visit(entry, content));
  }
}

}  // namespace sekisho::archive
