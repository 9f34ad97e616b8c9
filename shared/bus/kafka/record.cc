#include "shared/bus/kafka/record.h"

#include "shared/bus/cloudevents.h"

namespace sekisho::bus::kafka {
namespace {

NamedOctets ReadHeaders(const rd_kafka_message_t& message) {
  NamedOctets named;
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return named;
  const char* name = nullptr;
  const void* value = nullptr;
  size_t size = 0;
  for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) {
    named.emplace_back(name, value == nullptr ? std::string() : std::string(static_cast<const char*>(value), size));
  }
  return named;
}

std::string_view Octets(const void* data, size_t size) {
  return data == nullptr ? std::string_view() : std::string_view(static_cast<const char*>(data), size);
}

// The same for the same record whenever it is given. Not an id of anybody else's: UUIDv8 (RFC 9562 §5.8).
EventId IdOfPosition(Topic topic, const Position& position) {
  std::string octets(16, '\0');
  for (size_t i = 0; i < 4; ++i) octets[i] = static_cast<char>(position.partition >> (24 - 8 * i));
  octets[4] = static_cast<char>(topic);
  octets[6] = static_cast<char>(0x80);
  octets[8] = static_cast<char>(0x80);
  for (size_t i = 0; i < 7; ++i) octets[9 + i] = static_cast<char>(position.offset >> (48 - 8 * i));
  return *EventId::FromOctets(octets);
}

}  // namespace

Record ReadRecord(Topic topic, const rd_kafka_message_t& message) {
  Record record;
  record.topic = topic;
  record.position = {message.partition, message.offset};
  record.message.value = Octets(message.payload, message.len);
  auto key = MailId::Parse(Octets(message.key, message.key_len));
  auto header = DecodeCloudEvent(ReadHeaders(message));
  if (key.ok()) record.message.key = *key;
  if (header.ok()) record.message.header = *std::move(header);
  if (!header.ok()) {
    record.damage = header.error();
  } else if (!key.ok()) {
    record.damage = MakeError(Code::kCorrupt, "a record's key is no mail id");
  }
  if (record.damage) record.message.header.id = IdOfPosition(topic, record.position);
  return record;
}

}  // namespace sekisho::bus::kafka
