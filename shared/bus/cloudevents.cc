#include "shared/bus/cloudevents.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <map>
#include <string_view>

namespace sekisho::bus {
namespace {

constexpr std::string_view kSpecVersion = "1.0";
// The value is sealed: nobody on the way can say what is in it. "application/cloudevents…" would mean the structured
// mode.
constexpr std::string_view kContentType = "application/octet-stream";
constexpr std::string_view kMacPrefix = "mac-";
constexpr size_t kMostHeaders = 64, kLongest = 1024;

bool IsPrintable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

Error Corrupt(std::string_view what) { return MakeError(Code::kCorrupt, "a record's headers: " + std::string(what)); }

// RFC 3339 in UTC, to the microsecond.
std::string FormatTime(TimePoint time) {
  std::string text = FormatRfc3339(time);  // to the millisecond
  char micros[8];
  const auto below = (time - std::chrono::floor<std::chrono::milliseconds>(time)).count();
  std::snprintf(micros, sizeof micros, "%03dZ", static_cast<int>(below));
  text.replace(text.size() - 1, 1, micros);
  return text;
}

// Takes `digits` decimal digits and the character `then` off the front of `text`.
bool TakeNumber(std::string_view& text, size_t digits, char then, int& number) {
  if (text.size() <= digits || text[digits] != then) return false;
  number = 0;
  for (size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
    number = number * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits + 1);
  return true;
}

Result<TimePoint> ParseTime(std::string_view text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, micros = 0;
  const bool read = TakeNumber(text, 4, '-', year) && TakeNumber(text, 2, '-', month) &&
                    TakeNumber(text, 2, 'T', day) && TakeNumber(text, 2, ':', hour) &&
                    TakeNumber(text, 2, ':', minute) && TakeNumber(text, 2, '.', second) &&
                    TakeNumber(text, 6, 'Z', micros) && text.empty();
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!read || !date.ok() || hour > 23 || minute > 59 || second > 59) return Corrupt("ce_time cannot be read");
  return TimePoint(std::chrono::sys_days(date)) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second) + Duration(micros);
}

using ByName = std::map<std::string_view, std::string_view>;

// The attribute, empty when it is absent.
std::string_view Find(const ByName& headers, std::string_view name) {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string_view() : found->second;
}

Result<DeadLetter> ReadDeadLetter(const ByName& headers) {
  DeadLetter letter;
  const auto topic = TopicByName(Find(headers, "ce_origintopic"));
  const auto event = EventId::Parse(Find(headers, "ce_originid"));
  const std::string_view attempts = Find(headers, "ce_attempts");
  const auto [end, error] = std::from_chars(attempts.data(), attempts.data() + attempts.size(), letter.attempts);
  if (!topic || !event.ok() || error != std::errc() || end != attempts.data() + attempts.size()) {
    return Corrupt("a dead letter's origin cannot be read");
  }
  letter.topic = *topic;
  letter.event = *event;
  letter.source = Find(headers, "ce_originsource");
  letter.cause = Find(headers, "ce_cause");
  if (!IsPrintable(letter.source) || !IsPrintable(letter.cause)) return Corrupt("a dead letter's origin is not ASCII");
  return letter;
}

}  // namespace

NamedOctets EncodeCloudEvent(const Header& header) {
  NamedOctets headers = {
      {"ce_specversion", std::string(kSpecVersion)},
      {"ce_id", header.id.ToString()},
      {"ce_type", header.type},
      {"ce_source", header.source},
      {"ce_time", FormatTime(header.time)},
      {"content-type", std::string(kContentType)},
  };
  // An attribute of CloudEvents is never empty: it is absent.
  if (!header.organization_id.empty()) headers.emplace_back("ce_organizationid", header.organization_id);
  if (!header.causation.is_nil()) headers.emplace_back("ce_causationid", header.causation.ToString());
  if (!header.traceparent.empty()) headers.emplace_back("traceparent", header.traceparent);
  if (header.dead_letter) {
    headers.emplace_back("ce_origintopic", TopicName(header.dead_letter->topic));
    headers.emplace_back("ce_originid", header.dead_letter->event.ToString());
    if (!header.dead_letter->source.empty()) headers.emplace_back("ce_originsource", header.dead_letter->source);
    if (!header.dead_letter->cause.empty()) headers.emplace_back("ce_cause", header.dead_letter->cause);
    headers.emplace_back("ce_attempts", std::to_string(header.dead_letter->attempts));
  }
  for (const auto& [stage, mac] : header.macs) headers.emplace_back(std::string(kMacPrefix) + stage, mac);
  return headers;
}

Result<Header> DecodeCloudEvent(const NamedOctets& headers) {
  if (headers.size() > kMostHeaders) return Corrupt("too many");
  ByName by_name;
  for (const auto& [name, value] : headers) {
    if (value.size() > kLongest) return Corrupt("one is too long");
    if (!by_name.emplace(name, value).second) return Corrupt("one is there twice");
  }
  for (const std::string_view needed : {"ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time", "content-type"}) {
    if (!by_name.contains(needed)) return Corrupt(std::string(needed) + " is missing");
  }
  if (by_name["ce_specversion"] != kSpecVersion) return Corrupt("another version of CloudEvents");
  if (by_name["content-type"] != kContentType) return Corrupt("another content type");

  Header header;
  const auto id = EventId::Parse(by_name["ce_id"]);
  if (!id.ok() || id->is_nil()) return Corrupt("ce_id is no UUID");
  header.id = *id;
  header.type = by_name["ce_type"];
  header.source = by_name["ce_source"];
  SEKISHO_TRY(header.time, ParseTime(by_name["ce_time"]));
  header.organization_id = Find(by_name, "ce_organizationid");
  header.traceparent = Find(by_name, "traceparent");
  if (const auto found = by_name.find("ce_causationid"); found != by_name.end()) {
    const auto causation = EventId::Parse(found->second);
    if (!causation.ok()) return Corrupt("ce_causationid is no UUID");
    header.causation = *causation;
  }
  if (by_name.contains("ce_origintopic")) {
    SEKISHO_TRY(header.dead_letter, ReadDeadLetter(by_name));
  }
  for (const auto& [name, value] : by_name) {
    if (!name.starts_with(kMacPrefix)) continue;
    if (!IsPrintable(name)) return Corrupt("a stage's name is not ASCII");
    header.macs[std::string(name.substr(kMacPrefix.size()))] = value;
  }
  for (const std::string_view text : {std::string_view(header.type), std::string_view(header.source),
                                      std::string_view(header.organization_id), std::string_view(header.traceparent)}) {
    if (!IsPrintable(text)) return Corrupt("an attribute is not ASCII");
  }
  return header;
}

}  // namespace sekisho::bus
