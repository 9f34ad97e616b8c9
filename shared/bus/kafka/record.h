#pragma once
// A record as the broker gives it.

#include "shared/bus/kafka/client.h"

namespace sekisho::bus::kafka {

// Never fails: what cannot be read is a damaged Record.
Record ReadRecord(Topic topic, const rd_kafka_message_t& message);

}  // namespace sekisho::bus::kafka
