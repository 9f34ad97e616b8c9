#include "shared/testing/moto_server.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "shared/base/result.h"

extern char** environ;

namespace sekisho::testing {
namespace {

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

pid_t Start(const std::vector<std::string>& arguments, const std::vector<std::string>& environment, int output) {
  const auto argv = Pointers(arguments), envp = Pointers(environment);
  const pid_t child = fork();
  SEKISHO_CHECK(child >= 0);
  if (child != 0) return child;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  dup2(output, 1);
  dup2(output, 2);
  execve(argv[0], argv.data(), envp.data());
  _exit(127);
}

}  // namespace

MotoServer::MotoServer(const Options& options) {
  std::vector<std::string> arguments = {options.program, "-H", "127.0.0.1", "-p", "0"};
  if (!options.certificate.empty()) {
    arguments.insert(arguments.end(), {"-s", "-c", options.certificate, "-k", options.key});
  }
  std::vector<std::string> environment = options.environment;
  for (char** variable = environ; *variable != nullptr; ++variable) environment.emplace_back(*variable);

  int ends[2];
  SEKISHO_CHECK(pipe2(ends, O_CLOEXEC) == 0);
  process_ = Start(arguments, environment, ends[1]);
  close(ends[1]);

  FILE* const output = fdopen(ends[0], "r");
  const std::string mark = options.certificate.empty() ? "Running on http://" : "Running on https://";
  std::string seen;
  for (int octet; endpoint_.empty() && (octet = fgetc(output)) != EOF;) {
    if (octet != '\n') {
      seen += static_cast<char>(octet);
    } else if (const size_t at = seen.find(mark); at != std::string::npos) {
      endpoint_ = seen.substr(at + 11, seen.find_first_not_of("0123456789", seen.rfind(':') + 1) - at - 11);
    } else {
      seen += ' ';
    }
  }
  if (endpoint_.empty()) std::fprintf(stderr, "%s did not start: %s\n", options.program.c_str(), seen.c_str());
  SEKISHO_CHECK(!endpoint_.empty());
  port_ = static_cast<uint16_t>(std::atoi(endpoint_.c_str() + endpoint_.rfind(':') + 1));
  drain_ = std::thread([output] {
    char buffer[4096];
    while (fread(buffer, 1, sizeof buffer, output) > 0) {
    }
    fclose(output);
  });
}

MotoServer::~MotoServer() { Stop(); }

void MotoServer::Stop() {
  if (process_ < 0) return;
  kill(process_, SIGKILL);
  waitpid(process_, nullptr, 0);
  process_ = -1;
  drain_.join();
}

}  // namespace sekisho::testing
