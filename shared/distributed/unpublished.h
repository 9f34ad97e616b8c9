#pragma once
// How much a process has written that the brokers do not have yet.

#include <functional>

#include "shared/bus/kafka.h"

namespace sekisho::distributed {

// Rows of all outboxes of `bus`, which outlives the function; cheap enough to be asked for each mail: the database is
// asked twice a second at most, by one caller, while the others get the last answer. A database that does not answer
// changes nothing: whoever asks is about to write there.
std::function<uint64_t()> Unpublished(const bus::KafkaBus& bus);

}  // namespace sekisho::distributed
