#pragma once
// `sekisho-keys`: lists, makes ahead and destroys the epochs of a ring file. It works beside running processes, which
// see the change within a second.

#include <iosfwd>
#include <string>
#include <vector>

#include "shared/base/clock.h"

namespace sekisho::keys_tool {

// `arguments` without the program's name. Answers on `out`, errors as one line on `err`; returns the exit code: 0 done,
// 1 refused, 2 wrong usage, 4 no such ring or epoch, 5 the file cannot be read or written now.
int Run(const std::vector<std::string>& arguments, const Clock& clock, std::ostream& out, std::ostream& err);

}  // namespace sekisho::keys_tool
