#pragma once
// Microsoft's compound file ([MS-CFB]): the streams of .doc, .xls, .ppt, .msi, .msg and of OOXML with a password, as
// far as telling them apart needs. For shared/mime and the sandbox's worker. Views the octets; every offset in them is
// distrusted.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sekisho::mime {

class CompoundFile {
 public:
  struct Entry {
    std::string name;  // characters outside ASCII as "?"
    uint8_t type = 0;  // 1 storage, 2 stream, 5 root
    uint32_t start = 0;
    uint64_t size = 0;
    std::string_view class_id;
  };

  static std::optional<CompoundFile> Open(std::string_view octets);

  const Entry* Find(std::string_view name) const;  // the first of that name
  bool IsInstaller() const;                        // by the root's class id
  // At most the first `limit` octets of a stream; fewer when its chain is broken.
  std::string Read(const Entry& entry, size_t limit) const;

 private:
  std::string_view Sector(uint32_t number) const;
  uint32_t NextSector(uint32_t number) const;
  std::string ReadChain(uint32_t start, size_t limit) const;
  std::string ReadMini(uint32_t start, size_t limit) const;
  bool ReadTables();

  std::string_view octets_;
  size_t sector_size_ = 512;
  std::vector<uint32_t> fat_sectors_;
  uint32_t mini_fat_start_ = 0;
  uint32_t mini_cutoff_ = 4096;
  std::vector<Entry> entries_;
};

}  // namespace sekisho::mime
