#include "shared/stage/topology.h"

namespace sekisho::stage {

using bus::Topic;

std::span<const Route> Topology() {
  static const std::vector<Route> kRoutes = {
      {Topic::kSubmitted, {"intake"}, {"policy"}},
      {Topic::kJudged, {"policy"}, {"approval"}},
      {Topic::kCleared, {"policy", "approval"}, {"encryption"}},
      // System mail (notices, DSNs, passwords) enters here, whoever writes it.
      {Topic::kSealed, {"policy", "approval", "encryption", "delivery"}, {"delivery"}},
      {Topic::kOutcome, {"policy", "approval", "encryption", "delivery"}, {"intake", "policy", "encryption"}},
      {Topic::kControl, {"intake"}, {"approval", "delivery"}},
      {Topic::kJournal, {"intake", "policy", "approval", "encryption", "delivery"}, {"ledger"}},
      // Whoever gives a record up; for operators' tools alone.
      {Topic::kDeadLetter, {"intake", "policy", "approval", "encryption", "delivery", "ledger"}, {}},
  };
  return kRoutes;
}

const Route& RouteOf(Topic topic) {
  const auto routes = Topology();
  for (const Route& route : routes) {
    if (route.topic == topic) return route;
  }
  SEKISHO_CHECK(false);
  return routes.front();
}

std::map<Topic, std::vector<std::string>> ConsumerGroups() {
  std::map<Topic, std::vector<std::string>> groups;
  for (const Route& route : Topology()) {
    for (const std::string_view consumer : route.consumers) groups[route.topic].emplace_back(consumer);
  }
  return groups;
}

}  // namespace sekisho::stage
