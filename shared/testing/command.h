#pragma once
// Runs a program nobody here wrote, for a test that wants its opinion.

#include <string>
#include <vector>

namespace sekisho::testing {

struct CommandOutcome {
  int exit_status = -1;  // -1: it could not be started, or a signal ended it
  std::string output;    // of stdout and stderr together
};

// `arguments[0]` is looked up in PATH. Waits for its end.
CommandOutcome RunCommand(const std::vector<std::string>& arguments);

}  // namespace sekisho::testing
