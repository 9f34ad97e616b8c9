#pragma once
// Stands between a driver and a PostgreSQL server, and does to the driver's connections what networks do.

#include <atomic>
#include <list>
#include <string>
#include <thread>

#include "shared/base/files.h"
#include "shared/testing/temporary_folder.h"

namespace sekisho::store {

class PostgresProxy {
 public:
  // `server`: the folder of its socket.
  explicit PostgresProxy(const std::string& server);
  ~PostgresProxy();

  // What happens to the next COMMIT. The client's connection is closed each time.
  enum class Cut {
    kNone,
    kCommit,  // it never reaches the server, which does not see the connection close
    kAnswer,  // the server commits; its answer is lost
  };
  void CutNext(Cut cut) { cut_ = cut; }
  void Refuse(bool refuse) { refuse_ = refuse; }  // closes new connections at once
  void Mute(bool mute) { mute_ = mute; }          // the server's words are kept back

  std::string folder() const { return folder_.path(); }

 private:
  struct Pair {
    FileDescriptor client, server;
    bool cut_answer = false;
  };

  void Loop();
  void Accept();
  bool FromClient(Pair& pair);  // false: the pair is at its end
  bool FromServer(Pair& pair);

  const std::string server_;
  testing::TemporaryFolder folder_;
  FileDescriptor listener_, stop_;
  std::list<Pair> pairs_;
  std::list<FileDescriptor> abandoned_;  // connections whose client is gone, which the server does not know
  std::atomic<Cut> cut_{Cut::kNone};
  std::atomic<bool> refuse_{false}, mute_{false};
  std::thread thread_;
};

}  // namespace sekisho::store
