#include "shared/content/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <filesystem>

#include "shared/base/files.h"

namespace sekisho::content {
namespace {

constexpr size_t kReadSize = 256 * 1024;

class FileWriter final : public ObjectWriter {
 public:
  FileWriter(std::string folder, const std::string& name, FileDescriptor fd)
      : folder_(std::move(folder)), path_(folder_ + "/" + name), fd_(std::move(fd)) {}
  ~FileWriter() override {
    if (!finished_) ::unlink(path_.c_str());
  }

  Status Append(std::string_view octets) override { return WriteAll(fd_.get(), octets); }

  Status Finish() override {
    if (::fdatasync(fd_.get()) != 0) return SystemError(errno, "fdatasync");
    fd_ = FileDescriptor();
    SEKISHO_RETURN_IF_ERROR(SyncFolder(folder_));
    finished_ = true;
    return Ok();
  }

 private:
  const std::string folder_, path_;
  FileDescriptor fd_;
  bool finished_ = false;
};

class Folder final : public Objects {
 public:
  Folder(std::string folder, uint64_t min_free) : folder_(std::move(folder)), min_free_(min_free) {}

  Result<std::unique_ptr<ObjectWriter>> Create(const std::string& name) override {
    SEKISHO_TRY(FileDescriptor fd, OpenFile(Path(name), O_WRONLY | O_CREAT | O_EXCL));
    return std::unique_ptr<ObjectWriter>(std::make_unique<FileWriter>(folder_, name, std::move(fd)));
  }

  Status Read(const std::string& name, FunctionRef<Status(std::string_view)> each) override {
    SEKISHO_TRY(const FileDescriptor fd, OpenFile(Path(name), O_RDONLY));
    std::string piece(kReadSize, '\0');
    for (;;) {
      const ssize_t got = ::read(fd.get(), piece.data(), piece.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return SystemError(errno, "read");
      if (got == 0) return Ok();
      SEKISHO_RETURN_IF_ERROR(each(std::string_view(piece.data(), static_cast<size_t>(got))));
    }
  }

  void RemoveSoon(const std::string& name) override { ::unlink(Path(name).c_str()); }

  Result<uint64_t> Sweep(FunctionRef<Result<bool>(const std::string& name)> orphan) override {
    uint64_t removed = 0;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder_, error)) {
      SEKISHO_TRY(const bool is_orphan, orphan(entry.path().filename()));
      if (!is_orphan) continue;
      if (::unlink(entry.path().c_str()) != 0 && errno != ENOENT) return SystemError(errno, "unlink");
      ++removed;
    }
    if (error) return SystemError(error.value(), folder_);
    return removed;
  }

  uint64_t FreeOctets() const override {
    struct statvfs status = {};
    if (::statvfs(folder_.c_str(), &status) != 0) return 0;
    const uint64_t free = static_cast<uint64_t>(status.f_bavail) * status.f_frsize;
    return free > min_free_ ? free - min_free_ : 0;
  }

 private:
  std::string Path(const std::string& name) const { return folder_ + "/" + name; }

  const std::string folder_;
  const uint64_t min_free_;
};

}  // namespace

Result<std::unique_ptr<Objects>> OpenFolder(const std::string& folder, uint64_t min_free) {
  SEKISHO_RETURN_IF_ERROR(MakeFolder(folder, 0700));
  return std::unique_ptr<Objects>(std::make_unique<Folder>(folder, min_free));
}

}  // namespace sekisho::content
