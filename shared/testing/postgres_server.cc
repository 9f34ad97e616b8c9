#include "shared/testing/postgres_server.h"

#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <sys/poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "shared/base/files.h"
#include "shared/testing/command.h"

extern char** environ;

namespace sekisho::testing {
namespace {

constexpr int kReadyLimitMs = 60'000;

[[noreturn]] void Abort(const std::string& what, const std::string& output) {
  std::fprintf(stderr, "PostgreSQL: %s\n%s\n", what.c_str(), output.c_str());
  std::abort();
}

std::string NewestPrograms() {
  std::string newest;
  int version = 0;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator("/usr/lib/postgresql", none)) {
    const int found = std::atoi(entry.path().filename().c_str());
    if (found > version && std::filesystem::exists(entry.path() / "bin/postgres")) {
      version = found;
      newest = (entry.path() / "bin/").string();
    }
  }
  if (newest.empty()) Abort("no server below /usr/lib/postgresql; install tools/packages-test.txt", "");
  return newest;
}

// A datagram socket at `path`, where the server says when it is ready (sd_notify(3)).
FileDescriptor Notices(const std::string& path) {
  FileDescriptor notices(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  SEKISHO_CHECK(path.size() < sizeof address.sun_path);
  std::memcpy(address.sun_path, path.c_str(), path.size());
  std::filesystem::remove(path);
  SEKISHO_CHECK(::bind(notices.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  SEKISHO_CHECK(::chmod(path.c_str(), 0666) == 0);  // the folder keeps others out
  return notices;
}

}  // namespace

PostgresServer::PostgresServer(std::vector<std::string> settings)
    : settings_(std::move(settings)), programs_(NewestPrograms()) {
  if (::geteuid() == 0) {
    const passwd* user = ::getpwnam("postgres");
    if (user == nullptr) user = ::getpwnam("nobody");
    SEKISHO_CHECK(user != nullptr && ::chown(folder_.path().c_str(), user->pw_uid, user->pw_gid) == 0);
    drop_ = {"--reuid=" + std::to_string(user->pw_uid), "--regid=" + std::to_string(user->pw_gid), "--clear-groups"};
  }
  const auto made = RunCommand(AsServer({programs_ + "initdb", "--pgdata=" + folder_ / "data", "--username=sekisho",
                                         "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"}));
  if (made.exit_status != 0) Abort("initdb failed", made.output);
  Start();
}

PostgresServer::~PostgresServer() { Stop(Shutdown::kImmediate); }

std::vector<std::string> PostgresServer::AsServer(const std::vector<std::string>& command) const {
  std::vector<std::string> all = {"env", "--chdir=" + folder_.path(), "NOTIFY_SOCKET=" + folder_ / "notices", "setpriv",
                                  "--pdeathsig=QUIT"};
  all.insert(all.end(), drop_.begin(), drop_.end());
  all.insert(all.end(), command.begin(), command.end());
  return all;
}

void PostgresServer::Start() {
  SEKISHO_CHECK(pid_ == 0);
  const FileDescriptor notices = Notices(folder_ / "notices");
  std::vector<std::string> command = AsServer({programs_ + "postgres", "-D", folder_ / "data"});
  std::vector<std::string> settings = {"listen_addresses=",
                                       "unix_socket_directories=" + folder_.path(),
                                       "port=5432",
                                       "fsync=off",
                                       "full_page_writes=off",
                                       "autovacuum=off",
                                       "shared_buffers=16MB",
                                       "max_connections=60"};
  settings.insert(settings.end(), settings_.begin(), settings_.end());
  for (const std::string& setting : settings) command.insert(command.end(), {"-c", setting});
  std::vector<char*> argv;
  for (std::string& argument : command) argv.push_back(argument.data());
  argv.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, (folder_ / "log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  const int failed = posix_spawnp(&pid_, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  SEKISHO_CHECK(failed == 0);
  WaitUntilReady(notices.get());
}

void PostgresServer::WaitUntilReady(int notices) const {
  const FileDescriptor server(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  for (;;) {
    pollfd waited[] = {{notices, POLLIN, 0}, {server.get(), POLLIN, 0}};
    const int events = ::poll(waited, 2, kReadyLimitMs);
    if (events < 0 && errno == EINTR) continue;
    if (events <= 0 || waited[1].revents != 0) {
      Abort("the server did not start", RunCommand({"tail", folder_ / "log"}).output);
    }
    char notice[256];
    const ssize_t size = ::recv(notices, notice, sizeof notice, 0);
    if (size > 0 && std::string_view(notice, static_cast<size_t>(size)).starts_with("READY=1")) return;
  }
}

void PostgresServer::Stop(Shutdown how) {
  if (pid_ == 0) return;
  ::kill(pid_, how == Shutdown::kFast ? SIGINT : SIGQUIT);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
}

std::string PostgresServer::conninfo() const {
  return "host=" + folder_.path() + " port=5432 user=sekisho dbname=postgres";
}

std::string PostgresServer::Sql(const std::string& sql) const {
  auto outcome =
      RunCommand({programs_ + "psql", "--no-psqlrc", "--quiet", "-At", "-v", "ON_ERROR_STOP=1", "-c", sql, conninfo()});
  if (outcome.exit_status != 0) Abort(sql, outcome.output);
  while (outcome.output.ends_with('\n')) outcome.output.pop_back();
  return outcome.output;
}

}  // namespace sekisho::testing
