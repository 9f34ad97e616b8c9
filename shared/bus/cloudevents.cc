#include "shared/bus/cloudevents.h"

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
  for (const auto& [stage, mac] : header.macs) headers.emplace_back(std::string(kMacPrefix) + stage, mac);
  return headers;
}

Result<Header> DecodeCloudEvent(const NamedOctets& headers) {
  if (headers.size() > kMostHeaders) return Corrupt("too many");
  std::map<std::string_view, std::string_view> by_name;
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
  if (const auto found = by_name.find("ce_organizationid"); found != by_name.end())
    header.organization_id = found->second;
  if (const auto found = by_name.find("traceparent"); found != by_name.end()) header.traceparent = found->second;
  if (const auto found = by_name.find("ce_causationid"); found != by_name.end()) {
    const auto causation = EventId::Parse(found->second);
    if (!causation.ok()) return Corrupt("ce_causationid is no UUID");
    header.causation = *causation;
  }
  for (const auto& [name, value] : by_name) {
    if (name.starts_with(kMacPrefix)) header.macs[std::string(name.substr(kMacPrefix.size()))] = value;
  }
  return header;
}

}  // namespace sekisho::bus
