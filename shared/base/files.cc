#include "shared/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>

namespace sekisho {

void FileDescriptor::Close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Error SystemError(int number, std::string_view what) {
  const std::string detail = std::string(what) + ": " + std::generic_category().message(number);
  switch (number) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return MakeError(Code::kExhausted, detail);
    case ENOENT:
      return MakeError(Code::kNotFound, detail);
    default:
      return MakeError(Code::kUnavailable, detail);
  }
}

Result<FileDescriptor> OpenFile(const std::string& path, int flags, int mode) {
  int fd = -1;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return SystemError(errno, path);
  return FileDescriptor(fd);
}

Status WriteAll(int fd, std::string_view octets) {
  while (!octets.empty()) {
    const ssize_t written = ::write(fd, octets.data(), octets.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return SystemError(errno, "write");
    }
    octets.remove_prefix(static_cast<size_t>(written));
  }
  return Ok();
}

Status MakeFolder(const std::string& path, int mode) {
  if (::mkdir(path.c_str(), static_cast<mode_t>(mode)) == 0) {
    return SyncFolder(std::filesystem::path(path) / "..");
  }
  if (errno == EEXIST) {
    return std::filesystem::is_directory(path) ? Ok() : Status(SystemError(ENOTDIR, path));
  }
  const std::string parent = std::filesystem::path(path).parent_path();
  if (errno != ENOENT || parent.empty() || parent == path) return SystemError(errno, path);
  SEKISHO_RETURN_IF_ERROR(MakeFolder(parent, mode));
  return MakeFolder(path, mode);
}

Status SyncFolder(const std::string& path) {
  SEKISHO_TRY(const FileDescriptor folder, OpenFile(path, O_RDONLY | O_DIRECTORY));
  if (::fsync(folder.get()) != 0) return SystemError(errno, path);
  return Ok();
}

}  // namespace sekisho
