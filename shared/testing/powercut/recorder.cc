// A library for LD_PRELOAD that records what a process does to the files below a folder, and when it syncs them, so
// that the replay (disk.h) can tell what a power cut at any moment may leave.
//
//   POWERCUT_FOLDER   the folder to watch; must exist
//   POWERCUT_JOURNAL  where to write the journal; outside of the folder
//   POWERCUT_MARKS    a file; what is written to it becomes marks in the journal (acknowledgements, in the test's
//   words) POWERCUT_SOCKETS  when set, what is sent through TCP sockets becomes marks, too
//
// Only the process it is loaded into is recorded, not the programs that process starts.
//
// A call it does not understand on a watched file (a shared writable mapping, O_DSYNC, …) aborts the process: a
// recording is whole, or there is none. SQLite's *-shm files are not watched: they don't outlive the process.
//
// Order: a write is journalled under the same lock under which it is done; a sync is journalled before it starts and
// after it succeeded, and runs outside of the lock, so that what is written meanwhile is known not to be covered by it.

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>

#include "shared/testing/powercut/recorder.h"

namespace sekisho::powercut {
namespace {

enum class Watch : uint8_t { kNo, kFile, kFolder, kMarks };

constexpr int kMaxFd = 1 << 16;
std::atomic<Watch> watched[kMaxFd];
uint64_t inode_of[kMaxFd];

pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
pthread_once_t once = PTHREAD_ONCE_INIT;
int journal = -1;
char folder[PATH_MAX];
size_t folder_size = 0;
char marks[PATH_MAX];
bool sockets = false;
std::atomic<uint64_t> next_sync{1};

struct Lock {
  Lock() { pthread_mutex_lock(&mutex); }
  ~Lock() { pthread_mutex_unlock(&mutex); }
};

[[noreturn]] void Die(const char* what, const char* about) {
  dprintf(2, "powercut recorder: %s: %s\n", what, about);
  abort();
}

long Open(int at, const char* path, int flags, mode_t mode) { return syscall(SYS_openat, at, path, flags, mode); }

void Initialize() {
  const char* journal_path = getenv("POWERCUT_JOURNAL");
  const char* folder_path = getenv("POWERCUT_FOLDER");
  if (journal_path == nullptr || folder_path == nullptr) return;
  if (realpath(folder_path, folder) == nullptr) Die("POWERCUT_FOLDER", folder_path);
  folder_size = strlen(folder);
  if (const char* path = getenv("POWERCUT_MARKS"); path != nullptr) snprintf(marks, sizeof marks, "%s", path);
  sockets = getenv("POWERCUT_SOCKETS") != nullptr;
  const long fd = Open(AT_FDCWD, journal_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) Die("POWERCUT_JOURNAL", journal_path);
  journal = fcntl(static_cast<int>(fd), F_DUPFD_CLOEXEC, 900);
  syscall(SYS_close, fd);
  unsetenv("LD_PRELOAD");  // for the programs that this one starts
}

__attribute__((constructor)) void InitializeEarly() { pthread_once(&once, Initialize); }

void Journal(Kind kind, const char* name, uint64_t inode, uint64_t offset, const void* octets = nullptr,
             size_t size = 0) {
  RecordHeader header = {kind, static_cast<uint32_t>(name == nullptr ? 0 : strlen(name)), inode, offset, size};
  iovec parts[3] = {{&header, sizeof header},
                    {const_cast<char*>(name == nullptr ? "" : name), header.name_size},
                    {const_cast<void*>(octets), size}};
  const ssize_t total = static_cast<ssize_t>(sizeof header + header.name_size + size);
  if (syscall(SYS_writev, journal, parts, 3) != total) Die("journal", "short write");
}

// The name of `path` relative to the folder; false when it is not below it. `path` is canonical.
bool Relative(const char* path, const char** name) {
  if (strncmp(path, folder, folder_size) != 0) return false;
  if (path[folder_size] == '\0') {
    *name = "";
    return true;
  }
  if (path[folder_size] != '/') return false;
  *name = path + folder_size + 1;
  return true;
}

bool CanonicalOfFd(int fd, char* out) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t size = readlink(link, out, PATH_MAX - 1);
  if (size < 0) return false;
  out[size] = '\0';
  return true;
}

// The canonical form of a path whose last part need not exist.
bool Canonical(int at, const char* path, char* out) {
  char base[PATH_MAX] = ".", parent[2 * PATH_MAX], real[PATH_MAX];
  if (at != AT_FDCWD && !CanonicalOfFd(at, base)) return false;
  const char* slash = strrchr(path, '/');
  const int parent_size = slash == nullptr ? 0 : static_cast<int>(slash - path + 1);
  snprintf(parent, sizeof parent, "%s%s%.*s", path[0] == '/' ? "" : base, path[0] == '/' ? "" : "/", parent_size, path);
  if (realpath(parent, real) == nullptr) return false;
  const int size = snprintf(out, PATH_MAX, "%s/%s", real, slash == nullptr ? path : slash + 1);
  return size < PATH_MAX;
}

bool Below(int at, const char* path, char* canonical, const char** name) {
  return Canonical(at, path, canonical) && Relative(canonical, name);
}

bool EndsWith(const char* text, const char* end) {
  const size_t size = strlen(text), end_size = strlen(end);
  return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

bool IsWatched(int fd, Watch kind) {
  return fd >= 0 && fd < kMaxFd && watched[fd].load(std::memory_order_relaxed) == kind;
}

// A descriptor that was closed behind our back (fclose, close_range) and given to something else is watched no more.
bool IsWatchedFile(int fd) {
  if (!IsWatched(fd, Watch::kFile)) return false;
  struct stat status;
  if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_ino == inode_of[fd]) return true;
  watched[fd] = Watch::kNo;
  return false;
}

// Under the lock. `existed`: the name was there before the call that gave `fd`.
void Opened(int fd, int flags, bool existed) {
  if (fd < 0) return;
  if (fd >= kMaxFd) Die("descriptor", "too large a number");
  watched[fd] = Watch::kNo;
  char path[PATH_MAX];
  const char* name = nullptr;
  if (!CanonicalOfFd(fd, path)) return;
  if (marks[0] != '\0' && strcmp(path, marks) == 0) {
    watched[fd] = Watch::kMarks;
    return;
  }
  if (!Relative(path, &name) || EndsWith(name, "-shm")) return;
  struct stat status;
  if (fstat(fd, &status) != 0) Die("fstat", name);
  if (S_ISDIR(status.st_mode)) {
    watched[fd] = Watch::kFolder;
    return;
  }
  if (!S_ISREG(status.st_mode)) return;
  if ((flags & O_TMPFILE) == O_TMPFILE || (flags & (O_DSYNC | O_SYNC | O_DIRECT)) != 0) Die("unknown open flags", name);
  inode_of[fd] = status.st_ino;
  watched[fd] = Watch::kFile;
  if (!existed)
    Journal(Kind::kCreate, name, status.st_ino, 0);
  else if ((flags & O_TRUNC) != 0)
    Journal(Kind::kTruncate, nullptr, status.st_ino, 0);
}

// Journals what a write that just returned `size` put at `offset`, from its pieces.
void Wrote(int fd, const iovec* parts, int count, ssize_t size, uint64_t offset) {
  size_t left = static_cast<size_t>(size);
  for (int i = 0; i < count && left > 0; ++i) {
    const size_t now = left < parts[i].iov_len ? left : parts[i].iov_len;
    if (now == 0) continue;
    Journal(Kind::kWrite, nullptr, inode_of[fd], offset, parts[i].iov_base, now);
    offset += now;
    left -= now;
  }
}

void Marked(const iovec* parts, size_t count, ssize_t size, uint64_t own_port, uint64_t peer_port) {
  static char joined[1 << 20];
  size_t left = static_cast<size_t>(size), used = 0;
  for (size_t i = 0; i < count && left > 0; ++i) {
    const size_t now = left < parts[i].iov_len ? left : parts[i].iov_len;
    if (used + now > sizeof joined) Die("mark", "too large");
    memcpy(joined + used, parts[i].iov_base, now);
    used += now;
    left -= now;
  }
  Journal(Kind::kMark, nullptr, own_port, peer_port, joined, used);
}

uint64_t Port(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  return 0;
}

// One path, one call, one record.
template <typename Call>
int RecordedName(Kind kind, int at, const char* path, Call call) {
  if (!Recording()) return static_cast<int>(call());
  const Lock lock;
  char canonical[PATH_MAX];
  const char* name = nullptr;
  const bool below = Below(at, path, canonical, &name) && !EndsWith(name, "-shm");
  const int result = static_cast<int>(call());
  if (result == 0 && below) Journal(kind, name, 0, 0);
  return result;
}

}  // namespace

bool Recording() {
  pthread_once(&once, Initialize);
  return journal >= 0;
}

bool RecordingSockets() { return sockets; }

int RecordedOpen(int at, const char* path, int flags, mode_t mode) {
  if (!Recording()) return static_cast<int>(Open(at, path, flags, mode));
  const Lock lock;
  struct stat status;
  const bool existed = fstatat(at, path, &status, 0) == 0;
  const int fd = static_cast<int>(Open(at, path, flags, mode));
  const int error = errno;
  Opened(fd, flags, existed);
  errno = error;
  return fd;
}

// What a TCP socket sends is a mark. It is journalled before it is sent: whoever receives it must find it in the
// journal.
ssize_t RecordedSend(int fd, const msghdr* message, int flags) {
  sockaddr_storage own = {}, peer = {};
  socklen_t own_size = sizeof own, peer_size = sizeof peer;
  if (!sockets || !Recording() || getsockname(fd, reinterpret_cast<sockaddr*>(&own), &own_size) != 0 ||
      getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &peer_size) != 0 || Port(own) == 0) {
    return syscall(SYS_sendmsg, fd, message, flags);
  }
  ssize_t size = 0;
  for (size_t i = 0; i < message->msg_iovlen; ++i) size += static_cast<ssize_t>(message->msg_iov[i].iov_len);
  {
    const Lock lock;
    Marked(message->msg_iov, message->msg_iovlen, size, Port(own), Port(peer));
  }
  return syscall(SYS_sendmsg, fd, message, flags);
}

int RecordedSync(int fd, long number) {
  const bool file = Recording() && IsWatchedFile(fd);
  const bool is_folder = Recording() && IsWatched(fd, Watch::kFolder);
  if (!file && !is_folder) return static_cast<int>(syscall(number, fd));
  char path[PATH_MAX];
  const char* name = nullptr;
  if (is_folder && (!CanonicalOfFd(fd, path) || !Relative(path, &name))) Die("fsync", "a folder without a name");
  const uint64_t sync = next_sync++;
  {
    const Lock lock;
    Journal(file ? Kind::kSyncStart : Kind::kFolderSyncStart, name, file ? inode_of[fd] : 0, sync);
  }
  const int result = static_cast<int>(syscall(number, fd));
  if (result == 0) {
    const Lock lock;
    Journal(file ? Kind::kSyncEnd : Kind::kFolderSyncEnd, name, 0, sync);
  }
  return result;
}

int RecordedTruncate(int fd, off64_t size) {
  const bool file = Recording() && IsWatchedFile(fd);
  if (!file) return static_cast<int>(syscall(SYS_ftruncate, fd, size));
  const Lock lock;
  const int result = static_cast<int>(syscall(SYS_ftruncate, fd, size));
  if (result == 0) Journal(Kind::kTruncate, nullptr, inode_of[fd], static_cast<uint64_t>(size));
  return result;
}

bool IsRecorded(int fd) { return Recording() && (IsWatched(fd, Watch::kMarks) || IsWatchedFile(fd)); }

ssize_t RecordedWrite(int fd, const iovec* parts, int count) {
  const Lock lock;
  const ssize_t size = syscall(SYS_writev, fd, parts, count);
  if (size <= 0) return size;
  if (IsWatched(fd, Watch::kMarks)) {
    Marked(parts, static_cast<size_t>(count), size, 0, 0);
  } else {
    Wrote(fd, parts, count, size, static_cast<uint64_t>(lseek(fd, 0, SEEK_CUR)) - static_cast<uint64_t>(size));
  }
  return size;
}

ssize_t RecordedPwrite(int fd, const void* octets, size_t size, off64_t offset) {
  if (!Recording() || !IsWatchedFile(fd)) return syscall(SYS_pwrite64, fd, octets, size, offset);
  const Lock lock;
  const ssize_t written = syscall(SYS_pwrite64, fd, octets, size, offset);
  const iovec part = {const_cast<void*>(octets), size};
  if (written > 0) Wrote(fd, &part, 1, written, static_cast<uint64_t>(offset));
  return written;
}

int RecordedRename(int from_at, const char* from, int to_at, const char* to, unsigned flags) {
  if (!Recording()) return static_cast<int>(syscall(SYS_renameat2, from_at, from, to_at, to, flags));
  const Lock lock;
  char from_path[PATH_MAX], to_path[PATH_MAX];
  const char *from_name = nullptr, *to_name = nullptr;
  const bool from_below = Below(from_at, from, from_path, &from_name);
  const bool to_below = Below(to_at, to, to_path, &to_name);
  const int result = static_cast<int>(syscall(SYS_renameat2, from_at, from, to_at, to, flags));
  if (result != 0 || (!from_below && !to_below)) return result;
  if (from_below != to_below || (flags & ~1u) != 0) Die("rename across the folder's edge", from);
  Journal(Kind::kRename, from_name, 0, 0, to_name, strlen(to_name));
  return result;
}

void Refuse(int fd, const char* call) {
  if (Recording() && IsWatchedFile(fd)) Die("a call that is not recorded", call);
}

int RecordedRemove(int at, const char* path, int flags) {
  const Kind kind = (flags & AT_REMOVEDIR) != 0 ? Kind::kRemoveFolder : Kind::kRemove;
  return RecordedName(kind, at, path, [&] { return syscall(SYS_unlinkat, at, path, flags); });
}

int RecordedMakeFolder(int at, const char* path, mode_t mode) {
  return RecordedName(Kind::kMakeFolder, at, path, [&] { return syscall(SYS_mkdirat, at, path, mode); });
}

void Forget(int fd) {
  if (fd >= 0 && fd < kMaxFd) watched[fd] = Watch::kNo;
}

int RecordedClose(int fd) {
  if (fd == journal && journal >= 0) return 0;
  Forget(fd);
  return static_cast<int>(syscall(SYS_close, fd));
}

void RefuseName(const char* path, const char* call) {
  char canonical[PATH_MAX];
  const char* name = nullptr;
  if (Recording() && Below(AT_FDCWD, path, canonical, &name)) Die("a call that is not recorded", call);
}

}  // namespace sekisho::powercut
