#pragma once
// A bus::Header as the headers of a Kafka record: CloudEvents 1.0 in the binary mode of its Kafka binding
// (kafka-protocol-binding.md §3.2), with `traceparent` and the hand-over MACs beside it. A dead letter's origin is
// in extension attributes. Pure.

#include <string>
#include <utility>
#include <vector>

#include "shared/bus/bus.h"

namespace sekisho::bus {

using NamedOctets = std::vector<std::pair<std::string, std::string>>;

NamedOctets EncodeCloudEvent(const Header& header);

// Names that are not ours are passed over: a later version may add some.
// Errors: kCorrupt, when an attribute that we need is missing, is there twice, or cannot be read. What it returns is
// printable ASCII but for the MACs: whoever may write to a topic can say anything there.
Result<Header> DecodeCloudEvent(const NamedOctets& headers);

}  // namespace sekisho::bus
