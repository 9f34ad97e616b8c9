#pragma once
// PostgreSQL, Kafka and S3, from the configuration.

#include "shared/runtime/host.h"

namespace sekisho::distributed {

// For the process `own` (an entry of the configuration's `services`, with its instance's name). Only the database must
// be there: the others may come later.
Result<runtime::BackEnds> Open(const config::v1::Config& config, const config::v1::Service& own, const Clock& clock);

}  // namespace sekisho::distributed
