#include "shared/bus/header.h"

#include "sekisho/bus/v1/bus.pb.h"

namespace sekisho::bus {

std::string_view TopicName(Topic topic) {
  switch (topic) {
    case Topic::kSubmitted: return "submitted";
    case Topic::kJudged: return "judged";
    case Topic::kCleared: return "cleared";
    case Topic::kSealed: return "sealed";
    case Topic::kOutcome: return "outcome";
    case Topic::kControl: return "control";
    case Topic::kJournal: return "journal";
    case Topic::kDeadLetter: return "deadletter";
  }
  SEKISHO_CHECK(false);
  return {};
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
  return header;
}

}  // namespace sekisho::bus
