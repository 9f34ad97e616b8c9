// The headers of a Kafka record: one a line, "name: value". What decodes must come back from its own encoding.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "shared/base/result.h"
#include "shared/bus/cloudevents.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sekisho::bus;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  NamedOctets headers;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const size_t colon = std::min(line.find(": "), line.size());
    headers.emplace_back(line.substr(0, colon), line.substr(std::min(line.size(), colon + 2)));
  }
  const auto header = DecodeCloudEvent(headers);
  if (!header.ok()) return 0;
  const auto again = DecodeCloudEvent(EncodeCloudEvent(*header));
  SEKISHO_CHECK(again.ok() && again->id == header->id && again->time == header->time && again->macs == header->macs &&
                again->dead_letter == header->dead_letter);
  return 0;
}
