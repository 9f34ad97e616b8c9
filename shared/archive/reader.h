#pragma once
// Unpacks one level of an archive through libarchive. Only for processes that may be taken over: libarchive has had,
// and will have, defects that a hostile file uses. shared/sandbox runs it.
//
// Formats: ZIP, 7z, RAR 4 and 5, LZH, CAB, tar, and single files or tar in gzip, bzip2, xz, zstd.

#include <cstdint>
#include <string>
#include <string_view>

#include "shared/base/function_ref.h"
#include "shared/base/result.h"

namespace sekisho::archive {

// What may still be unpacked; one for a whole attachment, however deeply archives nest. What an archive says of its
// sizes isn't believed: octets are counted as they come.
class Budget {
 public:
  Budget(uint64_t entries, uint64_t octets, uint64_t ratio, uint64_t packed_octets)
      : entries_(entries), octets_(octets), ratio_octets_(ratio * packed_octets) {}
  Status TakeEntry();                  // errors: kLimit
  Status TakeOctets(uint64_t octets);  // errors: kLimit
  uint64_t entries_left() const { return entries_; }

 private:
  uint64_t entries_, octets_, ratio_octets_;
  uint64_t taken_ = 0;
};

struct ArchiveEntry {
  std::string name;   // octets, charset as the archive has it; UTF-8 where the format says so
  uint64_t size = 0;  // counted
  bool directory = false;
  bool encrypted = false;    // then it has no content
  bool damaged = false;      // its content is missing or doesn't match its check
  bool unsafe_path = false;  // absolute, with "..", a drive, a link or a device
  bool cut = false;          // content is only the first `keep_octets`
};

// How the archive as a whole could be read.
enum class ArchiveReading { kWhole, kEncrypted, kDamaged };

// Calls `visit` for every entry in order, with the first `keep_octets` of its content. Stops at its first error.
// Errors: those of `visit`; kLimit of the budget.
Result<ArchiveReading> ReadArchive(std::string_view octets, uint64_t keep_octets, Budget& budget,
                                   FunctionRef<Status(const ArchiveEntry&, std::string_view content)> visit);

}  // namespace sekisho::archive
