#include "shared/mime/compound_file.h"

#include <algorithm>

#include "shared/mime/little_endian.h"

namespace sekisho::mime {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kSignature = "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"sv;
constexpr uint32_t kLastSector = 0xFFFFFFFA;  // what is greater is a mark: free, end of chain
constexpr size_t kHeader = 512, kEntry = 128, kMiniSector = 64;
constexpr size_t kMaxEntries = 4096;

// What isn't there ends every chain.
uint32_t Little(std::string_view octets, size_t at, size_t size) {
  return static_cast<uint32_t>(LittleEndian(octets, at, size, 0xFFFFFFFF));
}

}  // namespace

std::optional<CompoundFile> CompoundFile::Open(std::string_view octets) {
  if (octets.size() < kHeader || !octets.starts_with(kSignature)) return std::nullopt;
  const uint32_t shift = Little(octets, 0x1E, 2);
  if (shift != 9 && shift != 12) return std::nullopt;
  CompoundFile file;
  file.octets_ = octets;
  file.sector_size_ = size_t{1} << shift;
  file.mini_cutoff_ = Little(octets, 0x38, 4);
  file.mini_fat_start_ = Little(octets, 0x3C, 4);
  if (!file.ReadTables()) return std::nullopt;
  return file;
}

std::string_view CompoundFile::Sector(uint32_t number) const {
  if (number >= kLastSector) return "";
  const uint64_t at = (static_cast<uint64_t>(number) + 1) * sector_size_;
  return at < octets_.size() ? octets_.substr(at, sector_size_) : "";
}

uint32_t CompoundFile::NextSector(uint32_t number) const {
  const size_t per_sector = sector_size_ / 4;
  const size_t table = number / per_sector;
  if (table >= fat_sectors_.size()) return 0xFFFFFFFF;
  return Little(Sector(fat_sectors_[table]), number % per_sector * 4, 4);
}

std::string CompoundFile::ReadChain(uint32_t start, size_t limit) const {
  std::string out;
  // A chain can't be longer than the file, so a circle ends.
  for (uint32_t sector = start; sector < kLastSector && out.size() < std::min(limit, octets_.size());
       sector = NextSector(sector)) {
    const std::string_view octets = Sector(sector);
    if (octets.empty()) break;
    out += octets.substr(0, limit - out.size());
  }
  return out;
}

std::string CompoundFile::ReadMini(uint32_t start, size_t limit) const {
  // Small streams lie in the root's stream, in sectors of 64 octets; the cutoff bounds what is wanted of it.
  const std::string mini_stream = ReadChain(entries_.front().start, 1 << 20);
  const std::string mini_fat = ReadChain(mini_fat_start_, 1 << 16);
  std::string out;
  for (uint32_t sector = start; sector < kLastSector && out.size() < limit;
       sector = Little(mini_fat, size_t{sector} * 4, 4)) {
    const size_t at = size_t{sector} * kMiniSector;
    if (at >= mini_stream.size()) break;
    out += std::string_view(mini_stream).substr(at, std::min(kMiniSector, limit - out.size()));
  }
  return out;
}

bool CompoundFile::ReadTables() {
  for (size_t i = 0; i < 109; ++i) {
    const uint32_t sector = Little(octets_, 0x4C + i * 4, 4);
    if (sector >= kLastSector) break;
    fat_sectors_.push_back(sector);
  }
  // Files past 7 MB list more of them in sectors of their own.
  const size_t per_sector = sector_size_ / 4;
  uint32_t more = Little(octets_, 0x44, 4);
  for (size_t steps = 0; more < kLastSector && steps * sector_size_ < octets_.size(); ++steps) {
    const std::string_view list = Sector(more);
    for (size_t i = 0; i + 1 < per_sector; ++i) {
      const uint32_t sector = Little(list, i * 4, 4);
      if (sector < kLastSector) fat_sectors_.push_back(sector);
    }
    more = Little(list, (per_sector - 1) * 4, 4);
  }
  const std::string directory = ReadChain(Little(octets_, 0x30, 4), kMaxEntries * kEntry);
  for (size_t at = 0; at + kEntry <= directory.size(); at += kEntry) {
    Entry entry;
    entry.type = static_cast<uint8_t>(directory[at + 0x42]);
    if (entry.type == 0) continue;
    const size_t name_size = std::min<size_t>(Little(directory, at + 0x40, 2), 64);
    for (size_t i = 0; i + 3 < name_size; i += 2) {
      const uint32_t unit = Little(directory, at + i, 2);
      entry.name += unit > 0x1F && unit < 0x7F ? static_cast<char>(unit) : '?';
    }
    entry.start = Little(directory, at + 0x74, 4);
    entry.size = Little(directory, at + 0x78, 4);
    entries_.push_back(std::move(entry));
    if (at == 0) {
      // The class id is a view into the file itself: `directory` is a copy.
      const std::string_view first = Sector(Little(octets_, 0x30, 4));
      if (first.size() >= 0x60) entries_.back().class_id = first.substr(0x50, 16);
    }
  }
  return !entries_.empty();
}

const CompoundFile::Entry* CompoundFile::Find(std::string_view name) const {
  for (const Entry& entry : entries_) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

bool CompoundFile::IsInstaller() const {
  return entries_.front().class_id == "\x84\x10\x0C\x00\x00\x00\x00\x00\xC0\x00\x00\x00\x00\x00\x00\x46"sv;
}

std::string CompoundFile::Read(const Entry& entry, size_t limit) const {
  const size_t size = static_cast<size_t>(std::min<uint64_t>(entry.size, limit));
  return entry.size < mini_cutoff_ ? ReadMini(entry.start, size) : ReadChain(entry.start, size);
}

}  // namespace sekisho::mime
