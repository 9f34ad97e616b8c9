// The demo's world as a program of its own, beside separate services.

#include <pthread.h>
#include <signal.h>

#include <cstdio>

#include "services/standalone/sink/sink.h"
#include "shared/config/sekisho.h"

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: sekisho-sink FOLDER INSIDE_HOST:PORT OUTSIDE_HOST:PORT\n");
    return 2;
  }
  for (const char* text : {argv[2], argv[3]}) {
    const auto address = sekisho::config::ParseHostPort(text);
    if (address.ok() && sekisho::config::IsLoopback(address->host)) continue;
    std::fprintf(stderr, "sekisho-sink: '%s' is not a loopback address: the sink takes everything\n", text);
    return 2;
  }
  sekisho::config::v1::Sink config;
  config.set_folder(argv[1]);
  config.set_inside_address(argv[2]);
  config.set_outside_address(argv[3]);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // before any thread exists, so that only sigwait sees them
  signal(SIGPIPE, SIG_IGN);
  const sekisho::SystemClock clock;
  sekisho::net::IoPool io(1);
  const auto sink = sekisho::standalone::Sink::Start(config, io, clock);
  if (!sink.ok()) {
    std::fprintf(stderr, "sekisho-sink: %s\n", sink.error().detail.c_str());
    return 1;
  }
  int signal = 0;
  sigwait(&signals, &signal);
  return 0;  // the sink closes its listeners while the loops still turn
}
