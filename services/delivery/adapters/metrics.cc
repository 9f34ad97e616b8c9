#include "services/delivery/adapters/metrics.h"

namespace sekisho::delivery {

Metrics::Metrics(observe::Metrics& registry)
    : registry_(registry),
      possible_duplicates_(registry.GetCounter("sekisho_delivery_possible_duplicates_total",
                                               "Recipients sent to again though a peer may have their mail")),
      notices_(registry.GetCounter("sekisho_delivery_notices_total", "Delivery status notifications written")),
      lost_claims_(registry.GetCounter("sekisho_delivery_lost_claims_total", "Claims that were not ours any more")),
      unreadable_rows_(registry.GetCounter("sekisho_delivery_unreadable_rows_total",
                                           "Queue rows whose key was not in the key ring")),
      clock_jumps_(
          registry.GetCounter("sekisho_delivery_clock_jumps_total", "Times the wall clock was seen to be set")),
      opened_(
          registry.GetCounter("sekisho_delivery_connections_total", "Connections to peers", {{"result", "opened"}})),
      failed_(
          registry.GetCounter("sekisho_delivery_connections_total", "Connections to peers", {{"result", "failed"}})),
      transactions_(
          registry.GetHistogram("sekisho_delivery_transaction_seconds", "From MAIL FROM to the reply after the dot")) {
  for (const State state :
       {State::kDeferred, State::kDelivered, State::kRelayed, State::kBounced, State::kExpired, State::kRecalled}) {
    outcomes_[static_cast<size_t>(state)] =
        registry.GetCounter("sekisho_delivery_outcomes_total", "What attempts made of recipients",
                            {{"outcome", std::string(StateName(state))}});
  }
}

void Metrics::SetRecipients(const std::string& destination, uint64_t queued, uint64_t sending, uint64_t deferred) {
  for (const auto& [state, count] : {std::pair{"queued", queued}, {"sending", sending}, {"deferred", deferred}}) {
    registry_
        .GetGauge("sekisho_delivery_recipients", "Recipients in the outgoing queue",
                  {{"destination", destination}, {"state", state}})
        .Set(static_cast<double>(count));
  }
}

}  // namespace sekisho::delivery
