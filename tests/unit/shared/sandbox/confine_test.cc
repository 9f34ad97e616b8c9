// What a process can still do after it has given everything up. Each attempt is made in a child of its own. Not
// compiled under sanitizers, whose runtime makes system calls of its own.

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

#include "shared/sandbox/worker/confine.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sekisho::sandbox {
namespace {

constexpr int kDone = 0, kRefused = 1, kNotConfined = 9;

template <typename Attempt>
[[noreturn]] void AsParser(Attempt attempt) {
  if (!ConfineToParsing()) _exit(kNotConfined);
  _exit(attempt() ? kDone : kRefused);
}

template <typename Attempt>
[[noreturn]] void AsReaderProgram(Attempt attempt) {
  if (!ConfineToReaderProgram()) _exit(kNotConfined);
  _exit(attempt() ? kDone : kRefused);
}

const auto kKilled = ::testing::KilledBySignal(SIGSYS);
const auto kGood = ::testing::ExitedWithCode(kDone);
const auto kBad = ::testing::ExitedWithCode(kRefused);

bool CanOpen(const char* path, int flags = O_RDONLY) { return open(path, flags, 0600) >= 0; }

TEST(ConfineToParsingTest, ComputesAndAnswers) {
  EXPECT_EXIT(AsParser([] { return std::string(1 << 22, 'x').size() > 0 && write(2, "", 0) == 0; }), kGood, "");
}

TEST(ConfineToParsingTest, ReachesNothingElse) {
  EXPECT_EXIT(AsParser([] { return socket(AF_INET, SOCK_STREAM, 0) >= 0; }), kKilled, "");
  EXPECT_EXIT(AsParser([] { return fork() >= 0; }), kKilled, "");
  EXPECT_EXIT(AsParser([] { return execl("/bin/true", "true", nullptr) == 0; }), kKilled, "");
  EXPECT_EXIT(AsParser([] { return kill(getppid(), 0) == 0; }), kKilled, "");
  EXPECT_EXIT(AsParser([] { return CanOpen("/etc/hostname"); }), kBad, "");
  EXPECT_EXIT(AsParser([] {
                return mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
                       MAP_FAILED;
              }),
              kKilled, "");
}

TEST(ConfineToReaderProgramTest, ReadsSystemFilesOnly) {
  EXPECT_EXIT(AsReaderProgram([] { return CanOpen("/usr/bin/env"); }), kGood, "");
  EXPECT_EXIT(AsReaderProgram([] { return CanOpen("/etc/passwd"); }), kBad, "");
  EXPECT_EXIT(AsReaderProgram([] { return CanOpen("/proc/self/environ"); }), kBad, "");
  EXPECT_EXIT(AsReaderProgram([] { return CanOpen("/tmp"); }), kBad, "");
  EXPECT_EXIT(AsReaderProgram([] { return execl("/usr/bin/env", "env", "true", nullptr) == 0; }),
              ::testing::ExitedWithCode(0), "");
}

TEST(ConfineToReaderProgramTest, WritesNothingAndCallsNobody) {
  EXPECT_EXIT(AsReaderProgram([] { return CanOpen("/tmp/x", O_WRONLY | O_CREAT); }), kKilled, "");
  EXPECT_EXIT(AsReaderProgram([] { return socket(AF_INET, SOCK_STREAM, 0) >= 0; }), kBad, "");
  EXPECT_EXIT(AsReaderProgram([] { return fork() >= 0; }), kKilled, "");
  EXPECT_EXIT(AsReaderProgram([] { return kill(getppid(), 0) == 0; }), kKilled, "");
}

TEST(LimitResourcesTest, MemoryEnds) {
  EXPECT_EXIT(
      {
        if (!LimitResources(64 << 20, 10)) _exit(kNotConfined);
        _exit(mmap(nullptr, 256 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED
                  ? kDone
                  : kRefused);
      },
      kBad, "");
}

}  // namespace
}  // namespace sekisho::sandbox

#endif  // without sanitizers
