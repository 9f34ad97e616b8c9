#include "shared/sandbox/worker/confine.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <initializer_list>

#include "shared/base/handle.h"

namespace sekisho::sandbox {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;  // reserves terabytes of addresses, and makes system calls of its own
#else
constexpr bool kSanitized = false;
#endif

using Filter = Handle<void, seccomp_release>;

bool Limit(__rlimit_resource resource, uint64_t soft, uint64_t hard) {
  const rlimit limit{soft, hard};
  return setrlimit(resource, &limit) == 0;
}
bool Limit(__rlimit_resource resource, uint64_t value) { return Limit(resource, value, value); }

bool Allow(const Filter& filter, std::initializer_list<int> calls) {
  for (const int call : calls) {
    if (seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 0) != 0) return false;
  }
  return true;
}

// The call does nothing and fails: for what a library tries and can do without.
bool Refuse(const Filter& filter, std::initializer_list<int> calls) {
  if (kSanitized) return true;  // everything else is refused already, and saying it twice is an error
  for (const int call : calls) {
    if (seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(EACCES), call, 0) != 0) return false;
  }
  return true;
}

// `call` only while none of `bits` is set in its argument.
bool AllowWithout(const Filter& filter, int call, unsigned argument, uint64_t bits) {
  return seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 1, scmp_arg_cmp{argument, SCMP_CMP_MASKED_EQ, bits, 0}) ==
         0;
}

bool AllowComputing(const Filter& filter) {
  return Allow(filter,
               {SCMP_SYS(read),          SCMP_SYS(write),        SCMP_SYS(close),          SCMP_SYS(lseek),
                SCMP_SYS(fstat),         SCMP_SYS(newfstatat),   SCMP_SYS(munmap),         SCMP_SYS(mremap),
                SCMP_SYS(brk),           SCMP_SYS(madvise),      SCMP_SYS(futex),          SCMP_SYS(exit),
                SCMP_SYS(exit_group),    SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction),
                SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(getrandom),      SCMP_SYS(getpid),
                SCMP_SYS(gettid)});
}

constexpr uint64_t kWriting = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND;

// All that the kernel here can restrict; the rights of later versions are asked for where it has them.
uint64_t HandledRights(long version) {
  uint64_t rights = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |
                    LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                    LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
                    LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
                    LANDLOCK_ACCESS_FS_MAKE_SYM;
  if (version >= 2) rights |= uint64_t{1} << 13;  // LANDLOCK_ACCESS_FS_REFER
  if (version >= 3) rights |= uint64_t{1} << 14;  // LANDLOCK_ACCESS_FS_TRUNCATE
  return rights;
}

bool AllowReading(int ruleset, const char* path) {
  const int file = open(path, O_PATH | O_CLOEXEC);
  if (file < 0) return true;  // not every system has each of them
  // Rights that a plain file can't have are refused for it.
  landlock_path_beneath_attr rule{};
  rule.allowed_access = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
  rule.parent_fd = file;
  bool added = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
  if (!added) {
    rule.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE;
    added = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
  }
  close(file);
  return added;
}

// From here on only the files below `paths` exist, for reading.
bool RestrictFiles(std::initializer_list<const char*> paths) {
  const long version = syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 1) return false;
  landlock_ruleset_attr attributes{};
  attributes.handled_access_fs = HandledRights(version);
  const int ruleset =
      static_cast<int>(syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes.handled_access_fs, 0));
  if (ruleset < 0) return false;
  bool done = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
  for (const char* path : paths) done = done && AllowReading(ruleset, path);
  done = done && syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
  close(ruleset);
  return done;
}

}  // namespace

bool LimitResources(uint64_t memory, uint32_t cpu_seconds) {
  // SIGXCPU at the soft limit says why the process ended; SIGKILL at the hard one would not.
  return Limit(RLIMIT_CPU, cpu_seconds, cpu_seconds + 1) && Limit(RLIMIT_FSIZE, 0) && Limit(RLIMIT_NOFILE, 32) &&
         Limit(RLIMIT_CORE, 0) && (kSanitized || Limit(RLIMIT_AS, memory)) && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
}

bool ConfineToParsing() {
  RestrictFiles({});  // where the kernel can; the filter below opens nothing anyway
  const Filter filter(seccomp_init(kSanitized ? SCMP_ACT_ERRNO(EACCES) : SCMP_ACT_KILL_PROCESS));
  return filter != nullptr && AllowComputing(filter) && AllowWithout(filter, SCMP_SYS(mmap), 2, PROT_EXEC) &&
         AllowWithout(filter, SCMP_SYS(mprotect), 2, PROT_EXEC) &&
         Refuse(filter, {SCMP_SYS(openat), SCMP_SYS(open), SCMP_SYS(access), SCMP_SYS(readlink), SCMP_SYS(ioctl)}) &&
         seccomp_load(filter.get()) == 0;
}

bool ConfineToReaderProgram() {
  if (!RestrictFiles({"/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/fonts", "/etc/catdocrc"})) return false;
  const Filter filter(seccomp_init(kSanitized ? SCMP_ACT_ERRNO(EACCES) : SCMP_ACT_KILL_PROCESS));
  return filter != nullptr && AllowComputing(filter) &&
         Allow(filter, {SCMP_SYS(execve),
                        SCMP_SYS(mmap),
                        SCMP_SYS(mprotect),
                        SCMP_SYS(pread64),
                        SCMP_SYS(writev),
                        SCMP_SYS(readv),
                        SCMP_SYS(arch_prctl),
                        SCMP_SYS(set_tid_address),
                        SCMP_SYS(set_robust_list),
                        SCMP_SYS(rseq),
                        SCMP_SYS(prlimit64),
                        SCMP_SYS(access),
                        SCMP_SYS(faccessat),
                        SCMP_SYS(faccessat2),
                        SCMP_SYS(statx),
                        SCMP_SYS(stat),
                        SCMP_SYS(lstat),
                        SCMP_SYS(statfs),
                        SCMP_SYS(getdents64),
                        SCMP_SYS(readlink),
                        SCMP_SYS(readlinkat),
                        SCMP_SYS(getcwd),
                        SCMP_SYS(uname),
                        SCMP_SYS(sysinfo),
                        SCMP_SYS(getuid),
                        SCMP_SYS(geteuid),
                        SCMP_SYS(getgid),
                        SCMP_SYS(getegid),
                        SCMP_SYS(sigaltstack),
                        SCMP_SYS(fadvise64),
                        SCMP_SYS(dup),
                        SCMP_SYS(dup2),
                        SCMP_SYS(dup3),
                        SCMP_SYS(fcntl),
                        SCMP_SYS(sched_getaffinity),
                        SCMP_SYS(sched_yield)}) &&
         AllowWithout(filter, SCMP_SYS(openat), 2, kWriting) && AllowWithout(filter, SCMP_SYS(open), 1, kWriting) &&
         Refuse(filter, {SCMP_SYS(ioctl), SCMP_SYS(unlink), SCMP_SYS(socket)}) && seccomp_load(filter.get()) == 0;
}

}  // namespace sekisho::sandbox
