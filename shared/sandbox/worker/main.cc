// sekisho-sandbox-worker: reads one file for the gateway and ends. Started by shared/sandbox only; the request comes on
// descriptor 0, the answer goes there. See shared/sandbox/README.md.

#include <locale.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <ctime>
#include <new>
#include <string>

#include "shared/sandbox/worker/confine.h"
#include "shared/sandbox/worker/inspect.h"
#include "shared/sandbox/worker/office_text.h"

namespace sekisho::sandbox {
namespace {

constexpr int kGateway = 0;

struct Work {
  Request request{};
  std::string name;
  int content = -1;
};

bool ReadExactly(void* to, size_t size) {
  for (size_t at = 0; at < size;) {
    const ssize_t some = read(kGateway, static_cast<char*>(to) + at, size - at);
    if (some <= 0) return false;
    at += static_cast<size_t>(some);
  }
  return true;
}

// False when the gateway went away without asking for anything.
bool Receive(Work& work) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  iovec data{&work.request, sizeof work.request};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  if (recvmsg(kGateway, &message, MSG_CMSG_CLOEXEC) != static_cast<ssize_t>(sizeof work.request)) return false;
  const cmsghdr* const header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS || work.request.name_size > kMaxNameOctets) return false;
  std::memcpy(&work.content, CMSG_DATA(header), sizeof work.content);
  work.name.resize(work.request.name_size);
  return ReadExactly(work.name.data(), work.name.size());
}

int Inspect(const Work& work) {
  void* octets = nullptr;
  if (work.request.size > 0) {
    octets = mmap(nullptr, work.request.size, PROT_READ, MAP_PRIVATE, work.content, 0);
    if (octets == MAP_FAILED) return kExitOutOfMemory;
  }
  if (!ConfineToParsing()) return kExitNotConfined;
  Answer answer(kGateway);
  try {
    const Status status =
        Inspector(work.request, answer).Inspect({static_cast<const char*>(octets), work.request.size}, work.name);
    status.ok() ? answer.Done() : answer.Limit(status.error().detail);
  } catch (const std::bad_alloc&) {
    return kExitOutOfMemory;
  }
  return kExitDone;
}

// Becomes the reader program: content at descriptor 0, the gateway at 1.
int RunProgram(const Work& work) {
  // Not "-": catdoc's programs crash on it. No path is walked to a descriptor, so Landlock lets it be opened again.
  constexpr const char* kContent = "/proc/self/fd/0";
  static const char* const kPdfText[] = {"/usr/bin/pdftotext", "-q", "-enc", "UTF-8", "-", "-", nullptr};
  static const char* const kPdfAttachments[] = {"/usr/bin/pdfdetach", "-list", kContent, nullptr};
  static const char* const kWord[] = {"/usr/bin/catdoc", "-w", "-d", "utf-8", kContent, nullptr};
  static const char* const kExcel[] = {"/usr/bin/xls2csv", "-d", "utf-8", kContent, nullptr};
  static const char* const kEnvironment[] = {"LANG=C.UTF-8", nullptr};
  const char* const* arguments = nullptr;
  switch (work.request.task) {
    case Task::kPdfText:
      arguments = kPdfText;
      break;
    case Task::kPdfAttachments:
      arguments = kPdfAttachments;
      break;
    case Task::kWordText:
      arguments = kWord;
      break;
    case Task::kExcelText:
      arguments = kExcel;
      break;
    case Task::kInspect:
      return kExitProtocol;
  }
  if (arguments == nullptr) return kExitProtocol;
  if (dup2(kGateway, 1) != 1 || dup2(work.content, 0) != 0) return kExitProtocol;
  if (!ConfineToReaderProgram()) return kExitNotConfined;
  execve(arguments[0], const_cast<char* const*>(arguments), const_cast<char* const*>(kEnvironment));
  return kExitNoProgram;
}

int Run() {
  setlocale(LC_CTYPE, "C.UTF-8");  // libarchive gives names in the locale's charset
  tzset();
  PrepareXml();
  Work work;
  if (!Receive(work)) return kExitDone;
  if (!LimitResources(work.request.memory, work.request.cpu_seconds)) return kExitNotConfined;
  return work.request.task == Task::kInspect ? Inspect(work) : RunProgram(work);
}

}  // namespace
}  // namespace sekisho::sandbox

// _exit: nothing is left to do, and no destructor needs to run over what a hostile file left behind.
int main() { _exit(sekisho::sandbox::Run()); }
