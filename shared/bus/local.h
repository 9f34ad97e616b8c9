#pragma once
// The standalone driver: each topic a table of the same SQLite file, so that offsets, effects and new records commit
// together. One partition. A record is kept until every group of kTopology has finished it.

#include <memory>

#include "shared/bus/bus.h"
#include "shared/store/store.h"

namespace sekisho::bus {

// `database` and `clock` outlive it. `groups` says who consumes what: records are kept until all of a topic's groups
// are done.
Result<std::unique_ptr<Bus>> OpenLocal(store::Database& database,
                                       const std::map<Topic, std::vector<std::string>>& groups);

}  // namespace sekisho::bus
