#pragma once
// Proves to the consuming stage who produced a record and that nothing in it was changed: an HMAC for each consumer,
// under a key that only the two stages of that edge hold, over the header, the mail id and the sealed value.

#include <string_view>

#include "shared/bus/bus.h"
#include "shared/keys/keys.h"

namespace sekisho::stage {

// Fills message.header.macs for every consumer of `topic`.
Status SignHandOver(keys::KeyRing& keys, bus::Topic topic, bus::Message& message);

// Errors: kCorrupt when the producer may not write to `topic`, or the MAC for `consumer` is absent or wrong.
Status CheckHandOver(keys::KeyRing& keys, bus::Topic topic, const bus::Message& message, std::string_view consumer);

// The additional authenticated data under which a record's value is sealed: ties it to its event and topic.
std::string ValueContext(bus::Topic topic, const EventId& event);

}  // namespace sekisho::stage
