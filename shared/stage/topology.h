#pragma once
// Who produces and who consumes each topic: the one table from which subscriptions, hand-over keys and ACLs follow.

#include <span>
#include <string_view>

#include "shared/bus/bus.h"

namespace sekisho::stage {

struct Route {
  bus::Topic topic;
  std::vector<std::string_view> producers;
  std::vector<std::string_view> consumers;
};

std::span<const Route> Topology();
const Route& RouteOf(bus::Topic topic);
std::map<bus::Topic, std::vector<std::string>> ConsumerGroups();

}  // namespace sekisho::stage
