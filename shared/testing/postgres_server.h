#pragma once
// A PostgreSQL server of a test's own: a fresh cluster in a temporary folder, reached only by the unix socket in it. As
// root it runs as an unprivileged user, for PostgreSQL refuses root. Durable against its own death, not against the
// machine's (fsync=off). It dies with the thread that started it: start it on the test program's main thread.

#include <sys/types.h>

#include <string>
#include <vector>

#include "shared/testing/temporary_folder.h"

namespace sekisho::testing {

class PostgresServer {
 public:
  // Each setting is "name=value", added to what keeps the server small and quick. Aborts when it can't start.
  explicit PostgresServer(std::vector<std::string> settings = {});
  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  enum class Shutdown { kFast, kImmediate };  // rolls back and checkpoints; or as if it had crashed
  void Stop(Shutdown how);
  void Start();

  // libpq's connection string: the database "postgres" as its superuser, "sekisho".
  std::string conninfo() const;
  // Runs SQL as the superuser: rows by lines, columns by '|'. Aborts on an error.
  std::string Sql(const std::string& sql) const;
  // The folder of the socket, which is named as for port 5432.
  std::string folder() const { return folder_.path(); }

 private:
  std::vector<std::string> AsServer(const std::vector<std::string>& command) const;
  void WaitUntilReady(int notices) const;

  TemporaryFolder folder_;
  const std::vector<std::string> settings_;
  const std::string programs_;     // where initdb, postgres and psql are
  std::vector<std::string> drop_;  // the command that gives up root, or nothing
  pid_t pid_ = 0;                  // 0: stopped
};

}  // namespace sekisho::testing
