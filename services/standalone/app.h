#pragma once
// Wiring: every service on the local back ends.

#include <memory>

#include "shared/runtime/program.h"

namespace sekisho::standalone {

Result<std::unique_ptr<runtime::App>> MakeApp(const config::v1::Config& config);

}  // namespace sekisho::standalone
