#include "services/ledger/domain/fold.h"

#include <algorithm>
#include <map>

#include "shared/base/bytes.h"

namespace sekisho::ledger {
namespace {

// Time first: an event id is minted when it is committed, which may be later than what it tells of.
bool Before(const JournalEntry& a, const JournalEntry& b) {
  const auto key = [](const JournalEntry& entry) {
    return std::tuple(entry.event.at().seconds(), entry.event.at().nanos(), entry.id);
  };
  return key(a) < key(b);
}

std::string IdText(const std::string& octets) {
  const auto id = Uuid::FromOctets(octets);
  return id.ok() ? id->ToString() : "";
}

v1::TraceEvent ToTraceEvent(const JournalEntry& entry) {
  v1::TraceEvent out;
  *out.mutable_time() = entry.event.at();
  out.set_stage(StageName(entry.event.stage()));
  out.set_type(entry.event.type());
  out.set_detail(entry.event.detail());
  out.set_parcel_id(IdText(entry.event.parcel_id()));
  out.set_actor(entry.event.actor());
  *out.mutable_recipients() = entry.event.recipients();
  out.set_state(entry.event.state());
  *out.mutable_reasons() = entry.event.reasons();
  out.set_event_id(entry.id.ToString());
  return out;
}

}  // namespace

bool IsTerminal(mail::v1::RecipientState state) { return state >= mail::v1::RECIPIENT_STATE_DELIVERED; }

std::string StageName(mail::v1::Stage stage) {
  std::string name = mail::v1::Stage_Name(stage);
  constexpr std::string_view kPrefix = "STAGE_";
  if (name.starts_with(kPrefix)) name.erase(0, kPrefix.size());
  return AsciiLower(name);
}

v1::Trace FoldTrace(const MailId& mail, std::vector<JournalEntry> entries) {
  std::sort(entries.begin(), entries.end(), Before);
  v1::Trace trace;
  trace.set_mail_id(mail.ToString());
  std::map<std::string, int> places;  // address → index of its row, in the order they were first named
  const auto row_of = [&](const std::string& address) {
    const auto [place, fresh] = places.emplace(address, trace.recipients_size());
    if (fresh) trace.add_recipients()->set_address(address);
    return trace.mutable_recipients(place->second);
  };
  for (const JournalEntry& entry : entries) {
    const mail::v1::JournalEvent& event = entry.event;
    if (event.type() == "accepted") {
      trace.set_mail_from(event.mail_from());
      trace.set_subject(event.subject());
    }
    *trace.add_events() = ToTraceEvent(entry);
    if (event.state() == mail::v1::RECIPIENT_STATE_UNSPECIFIED) continue;
    for (const std::string& address : event.recipients()) {
      v1::TraceRecipient* row = row_of(address);
      if (IsTerminal(row->state())) continue;
      row->set_state(event.state());
      if (!event.parcel_id().empty()) row->set_parcel_id(IdText(event.parcel_id()));
    }
  }
  return trace;
}

}  // namespace sekisho::ledger
