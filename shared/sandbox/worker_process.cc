#include "shared/sandbox/worker_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace sekisho::sandbox {
namespace {

// For poll(2); 0 when the deadline has passed.
int MillisecondsTo(Deadline deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, 60'000));
}

// Nothing of ours but the socket reaches the worker: no descriptor, no environment.
Result<int> Spawn(const std::string& path, int socket) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, socket, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  // The signals that our threads block, the worker shall not.
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  char* const arguments[] = {const_cast<char*>(path.c_str()), nullptr};
  char* const environment[] = {nullptr};
  pid_t pid = -1;
  const int failed = posix_spawn(&pid, path.c_str(), &actions, &attributes, arguments, environment);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (failed != 0) return SystemError(failed, path);
  return pid;
}

}  // namespace

Result<FileDescriptor> InMemory(std::string_view octets) {
  FileDescriptor file(memfd_create("attachment", MFD_CLOEXEC));
  if (!file) return SystemError(errno, "memory for an attachment");
  SEKISHO_RETURN_IF_ERROR(WriteAll(file.get(), octets));
  if (lseek(file.get(), 0, SEEK_SET) != 0) return SystemError(errno, "memory for an attachment");
  return file;
}

Result<WorkerProcess> WorkerProcess::Start(const std::string& path) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return SystemError(errno, "a socket to a sandbox worker");
  FileDescriptor ours(ends[0]);
  const FileDescriptor theirs(ends[1]);
  SEKISHO_TRY(const int pid, Spawn(path, theirs.get()));
  return WorkerProcess(pid, std::move(ours));
}

WorkerProcess::WorkerProcess(WorkerProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), socket_(std::move(other.socket_)), closed_(other.closed_) {}

WorkerProcess& WorkerProcess::operator=(WorkerProcess&& other) noexcept {
  if (this != &other) {
    Stop();
    pid_ = std::exchange(other.pid_, -1);
    socket_ = std::move(other.socket_);
    closed_ = other.closed_;
  }
  return *this;
}

WorkerProcess::~WorkerProcess() { Stop(); }

int WorkerProcess::Stop() {
  if (pid_ < 0) return -1;
  socket_ = FileDescriptor();
  int status = 0;
  // One that has ended keeps its own status: a signal no longer changes it.
  kill(pid_, SIGKILL);
  pid_t ended;
  do {
    ended = waitpid(pid_, &status, 0);
  } while (ended < 0 && errno == EINTR);
  pid_ = -1;
  return ended < 0 ? -1 : status;
}

int WorkerProcess::WaitForEnd(Deadline deadline) {
  const FileDescriptor process(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
  while (process) {
    pollfd ended{process.get(), POLLIN, 0};
    const int left = MillisecondsTo(deadline);
    if (poll(&ended, 1, left) > 0 || left == 0) break;
  }
  return Stop();
}

Status WorkerProcess::Ask(const Request& request, const FileDescriptor& content, std::string_view name) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  iovec data[] = {{const_cast<Request*>(&request), sizeof request}, {const_cast<char*>(name.data()), name.size()}};
  msghdr message{};
  message.msg_iov = data;
  message.msg_iovlen = 2;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  const int fd = content.get();
  std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  // So little always fits into an empty socket.
  if (sendmsg(socket_.get(), &message, MSG_NOSIGNAL) != static_cast<ssize_t>(sizeof request + name.size())) {
    return MakeError(Code::kUnavailable, "a sandbox worker died before it was asked");
  }
  return Ok();
}

Result<size_t> WorkerProcess::ReadSome(char* to, size_t size, Deadline deadline) {
  for (;;) {
    const int left = MillisecondsTo(deadline);
    if (left == 0) return MakeError(Code::kTimeout, "reading an attachment takes longer than allowed");
    pollfd ready{socket_.get(), POLLIN, 0};
    const int polled = poll(&ready, 1, left);
    if (polled < 0 && errno != EINTR) return SystemError(errno, "waiting for a sandbox worker");
    if (polled <= 0) continue;
    const ssize_t some = recv(socket_.get(), to, size, MSG_DONTWAIT);
    if (some == 0 || (some < 0 && errno == ECONNRESET)) {
      closed_ = true;
      return size_t{0};
    }
    if (some > 0) return static_cast<size_t>(some);
    if (errno != EAGAIN && errno != EINTR) return SystemError(errno, "reading from a sandbox worker");
  }
}

Result<std::string> WorkerProcess::Read(size_t size, Deadline deadline) {
  std::string octets(size, '\0');
  for (size_t at = 0; at < size;) {
    SEKISHO_TRY(const size_t some, ReadSome(octets.data() + at, size - at, deadline));
    if (some == 0) return MakeError(Code::kMalformed, "the process that reads attachments ended before its answer did");
    at += some;
  }
  return octets;
}

Result<std::string> WorkerProcess::ReadAll(size_t most, Deadline deadline) {
  std::string octets;
  char buffer[64 << 10];
  for (;;) {
    SEKISHO_TRY(const size_t some, ReadSome(buffer, sizeof buffer, deadline));
    if (some == 0) return octets;
    if (octets.size() + some > most) return MakeError(Code::kLimit, "an attachment holds more text than allowed");
    octets.append(buffer, some);
  }
}

}  // namespace sekisho::sandbox
