#pragma once
// What durable files need beyond <filesystem>: a descriptor that closes itself, folders with a mode, and syncing.
// Errors of the system keep their meaning: no space is kExhausted, a missing file kNotFound, any other kUnavailable.

#include <string>
#include <string_view>
#include <utility>

#include "shared/base/result.h"

namespace sekisho {

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    if (this != &other) {
      Close();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~FileDescriptor() { Close(); }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  void Close();
  int fd_ = -1;
};

// The error for the errno of a failed call: "<what>: <text>".
Error SystemError(int number, std::string_view what);

// open(2) with O_CLOEXEC.
Result<FileDescriptor> OpenFile(const std::string& path, int flags, int mode = 0600);
// Writes all of `octets`, through short writes and signals.
Status WriteAll(int fd, std::string_view octets);
// Makes the folder and its parents, each with `mode`, synced into its parent; an existing one stays as it is.
Status MakeFolder(const std::string& path, int mode);
// Makes the names in a folder durable (created, renamed, removed).
Status SyncFolder(const std::string& path);

}  // namespace sekisho
