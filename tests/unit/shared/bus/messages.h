#pragma once
// What the tests of the bus drivers send.

#include <string>

#include "shared/base/clock.h"
#include "shared/bus/bus.h"

namespace sekisho::bus {

inline Message MakeMessage(const std::string& value, const MailId& key = MailId::Generate(SystemClock().Now())) {
  Message message;
  message.key = key;
  message.header.id = EventId::Generate(SystemClock().Now());
  message.header.type = "test";
  message.header.source = "intake";
  message.header.time = SystemClock().Now();
  message.header.macs["policy"] = std::string("\0\xff mac", 6);
  message.value = value;
  return message;
}

}  // namespace sekisho::bus
