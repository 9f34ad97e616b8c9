// The C library's calls that the recorder stands in for. Each does the call and records it (recorder.cc), or aborts the
// process when it would change a watched file in a way that is not recorded.

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shared/testing/powercut/recorder.h"

using namespace sekisho::powercut;

#define EXPORT extern "C" __attribute__((visibility("default")))
#define WITH_MODE(flags, mode)                  \
  mode_t mode = 0;                              \
  if (((flags) & (O_CREAT | O_TMPFILE)) != 0) { \
    va_list arguments;                          \
    va_start(arguments, flags);                 \
    mode = va_arg(arguments, mode_t);           \
    va_end(arguments);                          \
  }

EXPORT int open(const char* path, int flags, ...) {
  WITH_MODE(flags, mode)
  return RecordedOpen(AT_FDCWD, path, flags, mode);
}
EXPORT int open64(const char* path, int flags, ...) {
  WITH_MODE(flags, mode)
  return RecordedOpen(AT_FDCWD, path, flags | O_LARGEFILE, mode);
}
EXPORT int openat(int at, const char* path, int flags, ...) {
  WITH_MODE(flags, mode)
  return RecordedOpen(at, path, flags, mode);
}
EXPORT int openat64(int at, const char* path, int flags, ...) {
  WITH_MODE(flags, mode)
  return RecordedOpen(at, path, flags | O_LARGEFILE, mode);
}
EXPORT int __open_2(const char* path, int flags) { return RecordedOpen(AT_FDCWD, path, flags, 0); }
EXPORT int __open64_2(const char* path, int flags) { return RecordedOpen(AT_FDCWD, path, flags, 0); }
EXPORT int __openat_2(int at, const char* path, int flags) { return RecordedOpen(at, path, flags, 0); }
EXPORT int __openat64_2(int at, const char* path, int flags) { return RecordedOpen(at, path, flags, 0); }
EXPORT int creat(const char* path, mode_t mode) {
  return RecordedOpen(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

// glibc's own open inside fopen can't be seen: opened here instead, and handed over.
EXPORT FILE* fopen64(const char* path, const char* mode) {
  int flags = strchr(mode, '+') != nullptr ? O_RDWR : mode[0] == 'r' ? O_RDONLY : O_WRONLY;
  if (mode[0] == 'w') flags |= O_CREAT | O_TRUNC;
  if (mode[0] == 'a') flags |= O_CREAT | O_APPEND;
  if (strchr(mode, 'x') != nullptr) flags |= O_EXCL;
  if (strchr(mode, 'e') != nullptr) flags |= O_CLOEXEC;
  const int fd = RecordedOpen(AT_FDCWD, path, flags, 0666);
  if (fd < 0) return nullptr;
  // stdio's writes can't be seen either. (C++ streams write through write(2), which can.)
  return fdopen(fd, mode);
}
EXPORT FILE* fopen(const char* path, const char* mode) { return fopen64(path, mode); }

EXPORT int close(int fd) { return RecordedClose(fd); }
EXPORT int dup(int fd) {
  Refuse(fd, "dup");
  return static_cast<int>(syscall(SYS_dup, fd));
}
EXPORT int dup2(int from, int to) {
  Refuse(from, "dup2");
  Forget(to);
  return from == to ? to : static_cast<int>(syscall(SYS_dup3, from, to, 0));
}
EXPORT int dup3(int from, int to, int flags) {
  Refuse(from, "dup3");
  Forget(to);
  return static_cast<int>(syscall(SYS_dup3, from, to, flags));
}

EXPORT ssize_t write(int fd, const void* octets, size_t size) {
  const iovec part = {const_cast<void*>(octets), size};
  return IsRecorded(fd) ? RecordedWrite(fd, &part, 1) : syscall(SYS_write, fd, octets, size);
}
EXPORT ssize_t writev(int fd, const iovec* parts, int count) {
  return IsRecorded(fd) ? RecordedWrite(fd, parts, count) : syscall(SYS_writev, fd, parts, count);
}
EXPORT ssize_t pwrite(int fd, const void* octets, size_t size, off_t offset) {
  return RecordedPwrite(fd, octets, size, offset);
}
EXPORT ssize_t pwrite64(int fd, const void* octets, size_t size, off64_t offset) {
  return RecordedPwrite(fd, octets, size, offset);
}
EXPORT ssize_t pwritev(int fd, const iovec* parts, int count, off_t offset) {
  Refuse(fd, "pwritev");
  return syscall(SYS_pwritev, fd, parts, count, offset, 0);
}
EXPORT ssize_t sendmsg(int fd, const msghdr* message, int flags) { return RecordedSend(fd, message, flags); }
EXPORT ssize_t send(int fd, const void* octets, size_t size, int flags) {
  if (!RecordingSockets()) return syscall(SYS_sendto, fd, octets, size, flags, nullptr, 0);
  iovec part = {const_cast<void*>(octets), size};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  return RecordedSend(fd, &message, flags);
}

EXPORT int ftruncate(int fd, off_t size) { return RecordedTruncate(fd, size); }
EXPORT int ftruncate64(int fd, off64_t size) { return RecordedTruncate(fd, size); }
EXPORT int truncate(const char* path, off_t size) {
  const int fd = RecordedOpen(AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
  if (fd < 0) return -1;
  const int result = RecordedTruncate(fd, size);
  close(fd);
  return result;
}
EXPORT int fallocate(int fd, int mode, off_t offset, off_t size) {
  Refuse(fd, "fallocate");
  return static_cast<int>(syscall(SYS_fallocate, fd, mode, offset, size));
}
EXPORT int posix_fallocate(int fd, off_t offset, off_t size) {
  Refuse(fd, "posix_fallocate");
  return syscall(SYS_fallocate, fd, 0, offset, size) == 0 ? 0 : errno;
}
EXPORT ssize_t copy_file_range(int from, off64_t* from_offset, int to, off64_t* to_offset, size_t size,
                               unsigned flags) {
  Refuse(to, "copy_file_range");
  return syscall(SYS_copy_file_range, from, from_offset, to, to_offset, size, flags);
}
EXPORT ssize_t sendfile(int to, int from, off_t* offset, size_t size) {
  Refuse(to, "sendfile");
  return syscall(SYS_sendfile, to, from, offset, size);
}
EXPORT void* mmap(void* address, size_t size, int protection, int flags, int fd, off_t offset) {
  if ((flags & MAP_SHARED) != 0 && (protection & PROT_WRITE) != 0 && fd >= 0) Refuse(fd, "mmap");
  return reinterpret_cast<void*>(syscall(SYS_mmap, address, size, protection, flags, fd, offset));
}
EXPORT void* mmap64(void* address, size_t size, int protection, int flags, int fd, off64_t offset) {
  return mmap(address, size, protection, flags, fd, offset);
}

EXPORT int fsync(int fd) { return RecordedSync(fd, SYS_fsync); }
EXPORT int fdatasync(int fd) { return RecordedSync(fd, SYS_fdatasync); }

EXPORT int rename(const char* from, const char* to) { return RecordedRename(AT_FDCWD, from, AT_FDCWD, to, 0); }
EXPORT int renameat(int from_at, const char* from, int to_at, const char* to) {
  return RecordedRename(from_at, from, to_at, to, 0);
}
EXPORT int renameat2(int from_at, const char* from, int to_at, const char* to, unsigned flags) {
  return RecordedRename(from_at, from, to_at, to, flags);
}
EXPORT int unlink(const char* path) { return RecordedRemove(AT_FDCWD, path, 0); }
EXPORT int rmdir(const char* path) { return RecordedRemove(AT_FDCWD, path, AT_REMOVEDIR); }
EXPORT int unlinkat(int at, const char* path, int flags) { return RecordedRemove(at, path, flags); }
EXPORT int remove(const char* path) {
  struct stat status;
  return lstat(path, &status) == 0 && S_ISDIR(status.st_mode) ? rmdir(path) : unlink(path);
}
EXPORT int mkdir(const char* path, mode_t mode) { return RecordedMakeFolder(AT_FDCWD, path, mode); }
EXPORT int mkdirat(int at, const char* path, mode_t mode) { return RecordedMakeFolder(at, path, mode); }
EXPORT int link(const char* from, const char* to) {
  RefuseName(to, "link");
  return static_cast<int>(syscall(SYS_link, from, to));
}
EXPORT int symlink(const char* from, const char* to) {
  RefuseName(to, "symlink");
  return static_cast<int>(syscall(SYS_symlink, from, to));
}
