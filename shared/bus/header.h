#pragma once
// The octets of a bus::Header where no broker keeps its fields.

#include <string>
#include <string_view>

#include "shared/bus/bus.h"

namespace sekisho::bus {

std::string EncodeHeader(const Header& header);
// Errors: kCorrupt.
Result<Header> DecodeHeader(std::string_view octets);

}  // namespace sekisho::bus
