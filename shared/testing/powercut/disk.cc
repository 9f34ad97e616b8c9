#include "shared/testing/powercut/disk.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <utility>

namespace sekisho::powercut {
namespace {

constexpr uint64_t kSector = 512;

std::string ParentOf(std::string_view name) {
  const size_t slash = name.rfind('/');
  return slash == std::string_view::npos ? std::string() : std::string(name.substr(0, slash));
}

Result<std::string> ReadWhole(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return MakeError(Code::kNotFound, path.string());
  return std::string(std::istreambuf_iterator<char>(file), {});
}

void Overwrite(std::string& octets, uint64_t offset, std::string_view with) {
  if (octets.size() < offset + with.size()) octets.resize(offset + with.size());
  std::copy(with.begin(), with.end(), octets.begin() + static_cast<std::ptrdiff_t>(offset));
}

// Some of the sectors that a write touched.
void OverwriteTorn(std::string& octets, uint64_t offset, std::string_view with, std::mt19937_64& random) {
  while (!with.empty()) {
    const uint64_t size = std::min<uint64_t>(with.size(), kSector - offset % kSector);
    if (random() % 2 == 0) Overwrite(octets, offset, with.substr(0, size));
    with.remove_prefix(size);
    offset += size;
  }
}

}  // namespace

Result<std::vector<JournalRecord>> ReadJournal(const std::string& path) {
  SEKISHO_TRY(const std::string journal, ReadWhole(path));
  std::vector<JournalRecord> records;
  std::string_view rest = journal;
  while (!rest.empty()) {
    RecordHeader header;
    if (rest.size() < sizeof header) return MakeError(Code::kCorrupt, path + " is cut short");
    std::copy_n(rest.data(), sizeof header, reinterpret_cast<char*>(&header));
    rest.remove_prefix(sizeof header);
    if (rest.size() < header.name_size + header.octets_size) return MakeError(Code::kCorrupt, path + " is cut short");
    JournalRecord record{header.kind, header.inode, header.offset, std::string(rest.substr(0, header.name_size)),
                         std::string(rest.substr(header.name_size, header.octets_size))};
    rest.remove_prefix(header.name_size + header.octets_size);
    records.push_back(std::move(record));
  }
  return records;
}

std::vector<JournalRecord> WithoutSyncs(std::vector<JournalRecord> records, SyncOf what, std::string_view name) {
  std::map<uint64_t, std::string> name_of;  // by inode
  std::set<uint64_t> taken;                 // numbers of syncs
  std::erase_if(records, [&](const JournalRecord& record) {
    if (record.kind == Kind::kCreate) name_of[record.inode] = record.name;
    const std::string& file = name_of[record.inode];
    const bool its = what == SyncOf::kFolder ? record.kind == Kind::kFolderSyncStart && record.name == name
                                             : record.kind == Kind::kSyncStart &&
                                                   (file == name || (name.ends_with('/') && file.starts_with(name)));
    if (its) taken.insert(record.offset);
    const bool ends = record.kind == Kind::kSyncEnd || record.kind == Kind::kFolderSyncEnd;
    return its || (ends && taken.contains(record.offset));
  });
  return records;
}

void Disk::Change_(std::string& octets, const Change& change) {
  if (change.truncate)
    octets.resize(change.offset);
  else
    Overwrite(octets, change.offset, change.octets);
}

void Disk::ChangeNames(Names& names, const NameChange& change) {
  switch (change.kind) {
    case Kind::kCreate:
    case Kind::kMakeFolder:
      names[change.name] = change.file;
      break;
    case Kind::kRename: {
      names.erase(change.name);
      names[change.to] = change.file;
      break;
    }
    default:
      names.erase(change.name);
  }
}

void Disk::ChangeFile(uint64_t inode, Change change) {
  const auto found = files_.find(inode);
  // A file that was there before the recording began: none is.
  SEKISHO_CHECK(found != files_.end());
  change.number = ++changes_;
  Change_(found->second->current, change);
  found->second->pending.push_back(std::move(change));
}

void Disk::ChangeName(NameChange change) {
  if (change.kind == Kind::kRename) {
    const auto found = current_names_.find(change.name);
    SEKISHO_CHECK(found != current_names_.end() && found->second != nullptr);  // folders are not renamed
    change.file = found->second;
  }
  ChangeNames(current_names_, change);
  pending_names_.emplace_back(++changes_, std::move(change));
}

void Disk::SyncFile(File& file, uint64_t upto) {
  while (!file.pending.empty() && file.pending.front().number <= upto) {
    Change_(file.durable, file.pending.front());
    file.pending.pop_front();
  }
}

void Disk::SyncFolder(const std::string& folder, uint64_t upto) {
  for (auto pending = pending_names_.begin(); pending != pending_names_.end();) {
    const auto& [number, change] = *pending;
    const bool here = ParentOf(change.name) == folder || (!change.to.empty() && ParentOf(change.to) == folder);
    if (here && number <= upto) {
      ChangeNames(durable_names_, change);
      pending = pending_names_.erase(pending);
    } else {
      ++pending;
    }
  }
}

void Disk::Apply(const JournalRecord& record) {
  switch (record.kind) {
    case Kind::kCreate: {
      auto file = std::make_shared<File>();
      files_[record.inode] = file;
      return ChangeName({record.kind, record.name, {}, std::move(file)});
    }
    case Kind::kWrite:
      return ChangeFile(record.inode, {0, false, record.offset, record.octets});
    case Kind::kTruncate:
      return ChangeFile(record.inode, {0, true, record.offset, {}});
    case Kind::kSyncStart:
      syncs_[record.offset] = {files_.at(record.inode), {}, changes_};
      return;
    case Kind::kFolderSyncStart:
      syncs_[record.offset] = {nullptr, record.name, changes_};
      return;
    case Kind::kSyncEnd:
    case Kind::kFolderSyncEnd: {
      const Sync sync = syncs_.at(record.offset);
      syncs_.erase(record.offset);
      if (sync.file != nullptr)
        SyncFile(*sync.file, sync.upto);
      else
        SyncFolder(sync.folder, sync.upto);
      return;
    }
    case Kind::kRename:
      return ChangeName({record.kind, record.name, record.octets, nullptr});
    case Kind::kRemove:
    case Kind::kMakeFolder:
    case Kind::kRemoveFolder:
      return ChangeName({record.kind, record.name, {}, nullptr});
    case Kind::kMark:
      return;
  }
}

std::string Disk::Survive(const File& file, std::mt19937_64* random) {
  std::string octets = file.durable;
  if (random == nullptr) return octets;
  for (const Change& change : file.pending) {
    switch ((*random)() % 3) {
      case 0:
        break;
      case 1:
        Change_(octets, change);
        break;
      default:
        if (!change.truncate) OverwriteTorn(octets, change.offset, change.octets, *random);
    }
  }
  return octets;
}

Status Disk::Leave(const std::string& folder, std::mt19937_64* random) const {
  namespace fs = std::filesystem;
  fs::remove_all(folder);
  fs::create_directory(folder);
  Names names = durable_names_;
  if (random != nullptr && !pending_names_.empty()) {
    size_t kept = (*random)() % (pending_names_.size() + 1);
    for (auto pending = pending_names_.begin(); kept > 0; ++pending, --kept) ChangeNames(names, pending->second);
  }
  // In order of names a folder comes before what lies in it; a name in a folder that did not survive is lost with it.
  for (const auto& [name, file] : names) {
    const fs::path path = fs::path(folder) / name;
    if (!fs::exists(path.parent_path())) continue;
    if (file == nullptr) {
      fs::create_directory(path);
      continue;
    }
    std::ofstream out(path, std::ios::binary);
    fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
    out << Survive(*file, random);
    if (!out.flush()) return MakeError(Code::kUnavailable, "cannot write " + path.string());
  }
  return Ok();
}

std::string Disk::DifferenceFrom(const std::string& folder) const {
  namespace fs = std::filesystem;
  size_t found = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string name = fs::relative(entry.path(), folder);
    if (name.ends_with("-shm")) continue;
    ++found;
    const auto known = current_names_.find(name);
    if (known == current_names_.end()) return name + " is not in the recording";
    if (entry.is_directory() != (known->second == nullptr)) return name + " is of another kind";
    if (known->second == nullptr) continue;
    const auto octets = ReadWhole(entry.path());
    if (!octets.ok() || *octets != known->second->current) return name + " holds other octets";
  }
  return found == current_names_.size() ? "" : "the recording has names that are not there";
}

}  // namespace sekisho::powercut
