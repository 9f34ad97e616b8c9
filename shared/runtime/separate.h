#pragma once
// The program of one service as its own process. It needs a bus and a database that several processes can share: until
// those drivers are built in, it reads and checks its configuration, says so, and stops.

#include <string>

#include "shared/runtime/program.h"

namespace sekisho::runtime {

Program SeparateProgram(std::string name, std::string description);

}  // namespace sekisho::runtime
