#include "shared/runtime/program.h"

#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "shared/base/failpoint.h"
#include "shared/base/version.h"
#include "shared/config/sekisho.h"
#include "shared/observe/log.h"
#include "shared/stage/proto_time.h"

namespace sekisho::runtime {
namespace {

sigset_t StopSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

// A core would show keys and mails in the clear.
bool ForbidCores() {
  const rlimit none{0, 0};
  return setrlimit(RLIMIT_CORE, &none) == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
}

int Say(const Program& program, const std::string& what, int status) {
  std::fprintf(stderr, "%s: %s\n", program.name.c_str(), what.c_str());
  return status;
}

// A drain that hangs must not keep the machine from stopping: what was accepted is durable anyway.
void ExitAfter(Duration limit, const std::string& name) {
  std::thread([limit, name] {
    std::this_thread::sleep_for(limit + std::chrono::seconds(5));
    std::fprintf(stderr, "%s: the drain took longer than its limit; stopping as it is\n", name.c_str());
    std::_Exit(1);
  }).detach();
}

int Run(const Program& program, const config::v1::Config& config, App& app) {
  const sigset_t signals = StopSignals();
  if (const Status started = app.Start(); !started.ok()) {
    observe::Log(observe::Level::kError, "start.failed", {{"error", started.error()}});
    return Say(program, started.error().detail, 1);
  }
  observe::Log(observe::Level::kInfo, "started", {{"program", program.name}, {"version", kVersion}});
  int signal = 0;
  sigwait(&signals, &signal);
  observe::Log(observe::Level::kInfo, "stopping", {{"signal", signal}});
  const Duration limit = FromProto(config.runtime().drain_limit());
  ExitAfter(limit, program.name);
  app.Drain(limit);
  observe::Log(observe::Level::kInfo, "stopped");
  return 0;
}

}  // namespace

int Main(int argc, char** argv, const Program& program) {
  if (!ForbidCores()) return Say(program, "core dumps cannot be forbidden", 1);
  CLI::App arguments(program.description, program.name);
  std::string file;
  bool check = false;
  arguments.add_option("--config", file, "The configuration, sekisho.yaml")->required();
  arguments.add_flag("--check-config", check, "Check it and stop");
  std::string instance;
  if (!program.service.empty()) {
    arguments.add_option("--instance", instance,
                         "The name of this replica, the same after a restart; also chooses its entry of `services`");
  }
  arguments.set_version_flag("--version", program.name + " " + std::string(kVersion));
  try {
    arguments.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return arguments.exit(error) == 0 ? 0 : 2;
  }
  config::v1::Config config;
  const auto problems = config::LoadConfig(file, config, program.service);
  for (const config::Problem& problem : problems) std::fprintf(stderr, "%s\n", problem.ToString().c_str());
  if (!problems.empty()) return 2;
  if (const Status armed = ArmFailpointsFromEnvironment(); !armed.ok()) return Say(program, armed.error().detail, 2);
  // Before any thread exists, so that only sigwait sees them. A peer that goes away is an error code, not a signal.
  const sigset_t signals = StopSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  if (!check) {
    if (const Status opened = observe::OpenLog(config.log().level(), config.log().file()); !opened.ok()) {
      return Say(program, opened.error().detail, 2);
    }
  }
  config::v1::Service own;
  if (!program.service.empty()) {
    auto found = config::FindService(config, program.service, instance);
    if (!found.ok()) return Say(program, file + ": " + found.error().detail, 2);
    own = *std::move(found);
    own.set_instance(instance);
  }
  auto app = program.make(config, own);
  if (!app.ok()) return Say(program, app.error().detail, 2);
  if (check) {
    std::printf("%s is right\n", file.c_str());
    return 0;
  }
  return Run(program, config, **app);
}

}  // namespace sekisho::runtime
