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
