#include "shared/bus/header.h"

#include "sekisho/bus/v1/bus.pb.h"

namespace sekisho::bus {

std::string_view TopicName(Topic topic) {
  switch (topic) {
    case Topic::kSubmitted:
      return "submitted";
    case Topic::kJudged:
      return "judged";
    case Topic::kCleared:
      return "cleared";
    case Topic::kSealed:
      return "sealed";
    case Topic::kOutcome:
      return "outcome";
    case Topic::kControl:
      return "control";
    case Topic::kJournal:
      return "journal";
    case Topic::kDeadLetter:
      return "deadletter";
  }
  SEKISHO_CHECK(false);
  return {};
}

std::optional<Topic> TopicByName(std::string_view name) {
  for (const Topic topic : kTopics) {
    if (TopicName(topic) == name) return topic;
  }
  return std::nullopt;
}

EventId IdOfPosition(Topic topic, const Position& position) {
  std::string octets(16, '\0');
  for (size_t i = 0; i < 4; ++i) octets[i] = static_cast<char>(position.partition >> (24 - 8 * i));
  octets[4] = static_cast<char>(topic);
  octets[6] = static_cast<char>(0x80);
  octets[8] = static_cast<char>(0x80);
  for (size_t i = 0; i < 7; ++i) octets[9 + i] = static_cast<char>(position.offset >> (48 - 8 * i));
  return *EventId::FromOctets(octets);
}

std::string EncodeHeader(const Header& header) {
  v1::RecordHeader record;
  record.set_id(std::string(header.id.octets()));
  record.set_type(header.type);
  record.set_source(header.source);
  record.set_time_micros(ToMicros(header.time));
  record.set_organization_id(header.organization_id);
  record.set_traceparent(header.traceparent);
  if (!header.causation.is_nil()) record.set_causation(std::string(header.causation.octets()));
  for (const auto& [stage, mac] : header.macs) (*record.mutable_macs())[stage] = mac;
  if (header.dead_letter) {
    v1::DeadLetter& letter = *record.mutable_dead_letter();
    letter.set_topic(std::string(TopicName(header.dead_letter->topic)));
    letter.set_event(std::string(header.dead_letter->event.octets()));
    letter.set_source(header.dead_letter->source);
    letter.set_cause(header.dead_letter->cause);
    letter.set_attempts(header.dead_letter->attempts);
  }
  return record.SerializeAsString();
}

Result<Header> DecodeHeader(std::string_view octets) {
  v1::RecordHeader record;
  if (!record.ParseFromArray(octets.data(), static_cast<int>(octets.size()))) {
    return MakeError(Code::kCorrupt, "a record's header cannot be read");
  }
  Header header;
  SEKISHO_TRY(header.id, EventId::FromOctets(record.id()));
  if (!record.causation().empty()) {
    SEKISHO_TRY(header.causation, EventId::FromOctets(record.causation()));
  }
  header.type = record.type();
  header.source = record.source();
  header.time = FromMicros(record.time_micros());
  header.organization_id = record.organization_id();
  header.traceparent = record.traceparent();
  for (const auto& [stage, mac] : record.macs()) header.macs[stage] = mac;
  if (record.has_dead_letter()) {
    const v1::DeadLetter& letter = record.dead_letter();
    const auto topic = TopicByName(letter.topic());
    if (!topic) return MakeError(Code::kCorrupt, "a dead letter comes from an unknown topic");
    SEKISHO_TRY(const EventId event, EventId::FromOctets(letter.event()));
    header.dead_letter = DeadLetter{*topic, event, letter.source(), letter.cause(), letter.attempts()};
  }
  return header;
}

}  // namespace sekisho::bus
