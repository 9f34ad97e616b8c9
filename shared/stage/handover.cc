#include "shared/stage/handover.h"

#include <algorithm>

#include "shared/stage/topology.h"

namespace sekisho::stage {
namespace {

void AppendField(std::string& to, std::string_view field) {
  const auto size = static_cast<uint32_t>(field.size());
  for (int shift = 24; shift >= 0; shift -= 8) to += static_cast<char>(size >> shift & 0xff);
  to += field;
}

// Every field with its length in front, so that no two records have the same octets.
std::string Canonical(bus::Topic topic, const bus::Message& message) {
  std::string out;
  out.reserve(message.value.size() + 256);
  AppendField(out, bus::TopicName(topic));
  AppendField(out, message.header.id.octets());
  AppendField(out, message.header.type);
  AppendField(out, message.header.source);
  AppendField(out, std::to_string(ToMicros(message.header.time)));
  AppendField(out, message.header.organization_id);
  AppendField(out, message.key.octets());
  AppendField(out, message.value);
  return out;
}

}  // namespace

Status SignHandOver(keys::KeyRing& keys, bus::Topic topic, bus::Message& message) {
  const std::string octets = Canonical(topic, message);
  for (const std::string_view consumer : RouteOf(topic).consumers) {
    SEKISHO_TRY(std::string mac, keys.EdgeMac(message.header.source, consumer, octets));
    message.header.macs[std::string(consumer)] = std::move(mac);
  }
  return Ok();
}

Status CheckHandOver(keys::KeyRing& keys, bus::Topic topic, const bus::Message& message, std::string_view consumer) {
  const auto& producers = RouteOf(topic).producers;
  if (std::find(producers.begin(), producers.end(), message.header.source) == producers.end()) {
    return MakeError(Code::kCorrupt, "a record on " + std::string(bus::TopicName(topic)) + " says it comes from '" +
                                         message.header.source.substr(0, 40) + "', which may not write there");
  }
  const auto mac = message.header.macs.find(std::string(consumer));
  if (mac == message.header.macs.end()) {
    return MakeError(Code::kCorrupt, "a record on " + std::string(bus::TopicName(topic)) + " is not signed for " +
                                         std::string(consumer));
  }
  return keys.CheckEdgeMac(message.header.source, consumer, Canonical(topic, message), mac->second);
}

std::string ValueContext(bus::Topic topic, const EventId& event) {
  std::string context("record:");
  context += bus::TopicName(topic);
  context += ':';
  context += event.octets();
  return context;
}

}  // namespace sekisho::stage
