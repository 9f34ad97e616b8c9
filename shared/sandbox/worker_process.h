#pragma once
// One worker: a process, started and asked once. Internal to shared/sandbox. One thread at a time.

#include <chrono>
#include <string>
#include <string_view>

#include "shared/base/files.h"
#include "shared/base/result.h"
#include "shared/sandbox/protocol.h"

namespace sekisho::sandbox {

using Deadline = std::chrono::steady_clock::time_point;

// Octets as a descriptor that a worker can map or read. Errors: kExhausted.
Result<FileDescriptor> InMemory(std::string_view octets);

class WorkerProcess {
 public:
  // Starts one; it waits for its request. Errors: kNotFound, kUnavailable.
  static Result<WorkerProcess> Start(const std::string& path);
  WorkerProcess(WorkerProcess&& other) noexcept;
  WorkerProcess& operator=(WorkerProcess&& other) noexcept;
  ~WorkerProcess();  // ends it

  // `content` stays the caller's.
  Status Ask(const Request& request, const FileDescriptor& content, std::string_view name);
  // Reads exactly `size` octets of the answer. Errors: kTimeout; kMalformed when the answer ends before.
  Result<std::string> Read(size_t size, Deadline deadline);
  // Reads to the answer's end. Errors: kTimeout; kLimit past `most`.
  Result<std::string> ReadAll(size_t most, Deadline deadline);
  // Whether Read or ReadAll came to the answer's end.
  bool closed() const { return closed_; }
  // Lets it end by itself until the deadline, then ends it. Its wait status (waitpid(2)); -1 when it is unknown.
  int WaitForEnd(Deadline deadline);

 private:
  WorkerProcess(int pid, FileDescriptor socket) : pid_(pid), socket_(std::move(socket)) {}
  int Stop();
  // Octets read into `to`; 0 at the end. Errors: kTimeout.
  Result<size_t> ReadSome(char* to, size_t size, Deadline deadline);

  int pid_ = -1;
  FileDescriptor socket_;
  bool closed_ = false;
};

}  // namespace sekisho::sandbox
