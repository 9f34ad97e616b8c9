#pragma once
// The program of one service in a process of its own, on back ends that many processes share: PostgreSQL, Kafka, an
// S3-compatible object store.

#include <string>

#include "shared/runtime/host.h"

namespace sekisho::distributed {

// `sandbox`: the service reads attachments in one.
runtime::Program MakeProgram(std::string description, runtime::Hosted service, bool sandbox = false);

}  // namespace sekisho::distributed
