#pragma once
// The main function of every binary: --config FILE, --check-config, --version; of a separate service --instance NAME
// too; SIGTERM and SIGINT drain and stop.
//
// Exit status: 0 stopped cleanly, or the configuration is right; 1 it could not start or drain; 2 wrong command line or
// configuration (each problem on a line of standard error, with file, line and column).

#include <functional>
#include <memory>
#include <string>

#include "sekisho/config/v1/config.pb.h"
#include "shared/base/clock.h"
#include "shared/base/result.h"

namespace sekisho::runtime {

class App {
 public:
  virtual ~App() = default;
  // Everything runs when it returns ok. Errors say what could not be had and the remedy.
  virtual Status Start() = 0;
  // Takes nothing new, finishes what is under way within `limit`, stops.
  virtual void Drain(Duration limit) = 0;
};

struct Program {
  std::string name;         // "sekisho-standalone"
  std::string description;  // one sentence
  std::string service;      // "policy", for a process that is one service only; empty: all of them
  // Builds the app; nothing runs yet. Its errors are configuration errors. `own` is the entry of the configuration's
  // `services` for this process, with its instance; empty without `service`.
  std::function<Result<std::unique_ptr<App>>(const config::v1::Config&, const config::v1::Service& own)> make;
};

int Main(int argc, char** argv, const Program& program);

}  // namespace sekisho::runtime
