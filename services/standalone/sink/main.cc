// The demo's world as a program of its own, beside separate services.
#include <pthread.h>
#include <signal.h>

#include <cstdio>

#include "services/standalone/sink/sink.h"
#include "shared/config/sekisho.h"

// The sink takes everything: from this machine only.
static bool IsLoopback(const char* text) {
  const auto address = sekisho::config::ParseHostPort(text);
  return address.ok() && sekisho::config::IsLoopback(address->host);
}

int main(int argc, char** argv) {
  if (argc != 4 || !IsLoopback(argv[2]) || !IsLoopback(argv[3])) {
    std::fprintf(stderr, "usage: sekisho-sink FOLDER INSIDE OUTSIDE    each HOST:PORT on loopback\n");
    return 2;
  }
  sekisho::config::v1::Sink config;
  config.set_folder(argv[1]);
  config.set_inside_address(argv[2]);
  config.set_outside_address(argv[3]);
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);  // before any thread exists, so that only sigwait sees it
  signal(SIGPIPE, SIG_IGN);
  const sekisho::SystemClock clock;
  sekisho::net::IoPool io(1);
  const auto sink = sekisho::standalone::Sink::Start(config, io, clock);
  if (!sink.ok()) {
    std::fprintf(stderr, "sekisho-sink: %s\n", sink.error().detail.c_str());
    return 1;
  }
  sigwaitinfo(&stop, nullptr);
  return 0;
}
