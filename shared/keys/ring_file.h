#pragma once
// The ring as it lies on disk: one JSON file, read whole, replaced whole and synced at every change. No cache and no
// threads of its own; several processes of one machine may use the same file.

#include <sys/types.h>

#include <map>
#include <optional>
#include <set>
#include <string>

#include "shared/base/files.h"
#include "shared/base/result.h"
#include "shared/base/secret.h"

namespace sekisho::keys {

struct RingContent {
  Secret<std::string> root;                           // the organisation's key
  std::map<std::string, Secret<std::string>> epochs;  // by id
  std::set<std::string> destroyed;                    // ids that never come back, lest a day have two keys
};

// Tells one version of the file from the next. Every change makes a new inode.
struct RingStamp {
  dev_t device = 0;
  ino_t inode = 0;
  off_t size = 0;
  int64_t changed = 0;  // nanoseconds
  bool operator==(const RingStamp&) const = default;
};

class RingFile {
 public:
  enum class Place {
    kLocal,    // ours: mode 0600, no link
    kMounted,  // a secret that an orchestrator mounts: read only, by links within its own folder, perhaps by a group
  };
  RingFile(std::string path, Place place) : path_(std::move(path)), place_(place) {}

  struct Version {
    RingContent content;
    RingStamp stamp;
  };
  // Errors: kNotFound when absent; kPermission when others can read it or a link leads where it must not; kCorrupt;
  // kUnavailable.
  Result<Version> Read() const;
  // What Read would find, without reading. Errors: kNotFound; kUnavailable.
  Result<RingStamp> Look() const;

  // One writer at a time, of all processes; until the descriptor closes. Waits. A mounted ring has no writers.
  // Errors: kUnavailable.
  Result<FileDescriptor> Lock() const;
  // The caller holds the lock. Keeps the owner of the file. Errors: kUnavailable; kExhausted.
  Result<RingStamp> Write(const RingContent& content) const;

  const std::string& path() const { return path_; }
  bool mounted() const { return place_ == Place::kMounted; }

 private:
  Result<FileDescriptor> Open() const;
  Result<RingContent> Parse(const std::string& text) const;
  Status CopyOwner(int fd) const;

  const std::string path_;
  const Place place_;
};

// The id of an epoch is its UTC day, "2026-11-24".
inline constexpr size_t kEpochIdSize = 10;
bool IsEpochId(std::string_view id);

}  // namespace sekisho::keys
