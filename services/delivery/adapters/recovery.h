#pragma once
// What must be set right before anything is sent: the claims of a process that is gone, and destinations that the
// routes of today name otherwise.

#include <string>

#include "services/delivery/adapters/metrics.h"
#include "services/delivery/domain/route_table.h"
#include "shared/stage/stage.h"

namespace sekisho::delivery {

// Rows that `owner`, which is dead, had claimed wait again, due now. Its peer may have the mail already (RFC 1047):
// each is counted and journalled as "possibly_duplicate". Gives how many.
Result<uint64_t> TakeOver(const stage::Surroundings& surroundings, const std::string& owner, Metrics& metrics);

// Computes the destination of every row anew when the routes are not those of the last start. Gives how many rows
// moved.
Result<uint64_t> Reroute(const stage::Surroundings& surroundings, const RouteTable& routes);

// Forgets recalls of mails that can't arrive any more.
Status ForgetOldTombstones(const stage::Surroundings& surroundings);

}  // namespace sekisho::delivery
