#pragma once
// The journal that the recording shim writes and the replay reads: what a process did to the files below one folder, in
// the order in which it did it. Same machine, same build: no care for byte order.

#include <cstdint>

namespace sekisho::powercut {

enum class Kind : uint32_t {
  kCreate = 1,       // a new file: inode, name
  kWrite,            // inode, offset, octets
  kTruncate,         // inode, offset is the new size
  kSyncStart,        // fsync or fdatasync of a file: inode, offset is a number of this sync
  kSyncEnd,          // …it returned 0: offset is that number
  kFolderSyncStart,  // the same of a folder: name, offset
  kFolderSyncEnd,
  kRename,        // name → octets
  kRemove,        // name of a file
  kMakeFolder,    // name
  kRemoveFolder,  // name
  kMark,          // octets that left the process: to the marks file (offset 0), or through a socket (offset: the peer's
                  // port, inode: the own port)
};

// Followed by `name_size` octets of a name relative to the folder, then `octets_size` octets.
struct RecordHeader {
  Kind kind;
  uint32_t name_size;
  uint64_t inode;
  uint64_t offset;
  uint64_t octets_size;
};

}  // namespace sekisho::powercut
