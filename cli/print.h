#pragma once
// The shapes that `--json` promises, and tables for people.

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "sekisho/approval/v1/approval.pb.h"
#include "sekisho/ledger/v1/ledger.pb.h"

namespace sekisho::cli {

using Json = nlohmann::ordered_json;

std::string StateName(mail::v1::RecipientState state);          // "awaiting_approval"
std::string HoldClassName(mail::v1::HoldClass hold_class);      // "timed"
std::string TimeText(const google::protobuf::Timestamp& time);  // RFC 3339; empty when unset
std::string DurationText(const google::protobuf::Duration& duration);

Json ToJson(const ledger::v1::Trace& trace);
Json ToJson(const ledger::v1::MailSummary& mail);
Json ToJson(const approval::v1::HeldParcel& parcel);
Json ToJson(const mail::v1::Reason& reason);

void PrintJson(const Json& json);
// Columns as wide as their contents; wide (CJK) characters count two.
void PrintTable(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows);
void PrintTrace(const ledger::v1::Trace& trace);
void PrintEvent(const ledger::v1::TraceEvent& event);

// What came from mails may hold control characters that a terminal would obey: they are shown as U+FFFD.
std::string ForTerminal(std::string_view text);

}  // namespace sekisho::cli
