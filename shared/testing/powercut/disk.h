#pragma once
// What a power cut may leave on a disk: replays a journal of the recorder and says, at any moment, what is certain to
// be there, what may be there, and what was acknowledged.
//
// The model is stricter than most file systems, and asks no more of one than POSIX promises: octets are durable once an
// fsync or fdatasync of their file, begun after them, returned; names once their folder was synced. Of the rest any
// part may be there: each write whole, not at all, or some of its 512-octet sectors; a first part of the changes of
// names.

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/result.h"
#include "shared/testing/powercut/journal_format.h"

namespace sekisho::powercut {

struct JournalRecord {
  Kind kind;
  uint64_t inode = 0;
  uint64_t offset = 0;
  std::string name;
  std::string octets;
};

// All records of a recording. Errors: kNotFound, kCorrupt.
Result<std::vector<JournalRecord>> ReadJournal(const std::string& path);

// The records without the syncs of one file, of all files in a folder (`name` ends with '/'), or of a folder's names
// (`name` is the folder's, "" the watched one): what would have been recorded had they been forgotten. A test shows by
// it that it can fail.
enum class SyncOf { kFile, kFolder };
std::vector<JournalRecord> WithoutSyncs(std::vector<JournalRecord> records, SyncOf what, std::string_view name);

class Disk {
 public:
  void Apply(const JournalRecord& record);

  // Writes what may be left into `folder`, which is emptied first, with mode 0600 each: modes are not recorded. Without
  // `random`: only what is certain.
  Status Leave(const std::string& folder, std::mt19937_64* random) const;

  // Nothing when `folder` holds what the recording says, the first difference otherwise: an unrecorded call was used.
  std::string DifferenceFrom(const std::string& folder) const;

 private:
  struct Change {  // of a file's octets
    uint64_t number = 0;
    bool truncate = false;
    uint64_t offset = 0;  // or the new size
    std::string octets;
  };
  struct File {
    std::string durable, current;
    std::list<Change> pending;
  };
  using FilePtr = std::shared_ptr<File>;
  using Names = std::map<std::string, FilePtr>;  // a folder has no file
  struct NameChange {
    Kind kind;
    std::string name, to;
    FilePtr file;  // of a creation
  };

  static void Change_(std::string& octets, const Change& change);
  static void ChangeNames(Names& names, const NameChange& change);
  void ChangeFile(uint64_t inode, Change change);
  void ChangeName(NameChange change);
  void SyncFile(File& file, uint64_t upto);
  void SyncFolder(const std::string& folder, uint64_t upto);
  static std::string Survive(const File& file, std::mt19937_64* random);

  uint64_t changes_ = 0;
  std::map<uint64_t, FilePtr> files_;  // by inode
  Names durable_names_, current_names_;
  std::list<std::pair<uint64_t, NameChange>> pending_names_;
  struct Sync {
    FilePtr file;
    std::string folder;
    uint64_t upto = 0;
  };
  std::map<uint64_t, Sync> syncs_;  // begun, not ended
};

}  // namespace sekisho::powercut
